/** What commands do in the rescue system, of what lies there. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { explaining, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { LOG_FORMAT, putLog } from '../point/logs.ts';
import { copyLogs, readLogs } from '../rescue/logs.ts';
import { bringUpNetwork } from '../rescue/network.ts';
import { mountOldSystem, type OldSystem } from '../rescue/old-system.ts';
import { parseWords, wordsText } from '../rescue/words.ts';
import { openConfigured } from '../steps/repository.ts';
import { askHidden, recoveryCode } from './ask-secret.ts';
import { layoutDocument, networkDocument, readDocument } from './documents.ts';
import { sourcesOf } from './recover-config.ts';
import { areHere, mountRepositories } from './repository-disks.ts';
import { hostNameOf } from './requests.ts';
import { configured, type Session } from './session.ts';

/** Where the menu finds what it tells. */
const notes = '/run/lifeboat';

/**
 * Brings up what leads to the repository: the network, or the disk that it is on.
 *
 * @param file the network as it was captured, beside the layout; DHCP where there is no such file
 */
export async function networkOfRescue(file: string, session: Session): Promise<readonly string[]> {
  const { host, signal } = session;
  const words = parseWords(await readFile('/proc/cmdline', 'utf8'));
  await note('words', wordsText(words));
  const wanted = existsSync(file) ? await readDocument(networkDocument, file, readText) : undefined;
  const sources = sourcesOf(session.globals, words.repository);
  const layoutFile = join(dirname(file), 'layout.json');
  const disks = await mountRepositories(sources, layoutFile, session, 'disks');
  if (await areHere(sources)) await note('repository', disks);
  const links = await bringUpNetwork(host, wanted, words, signal);
  const told = [...new Set([...links, ...disks, ...(await mountRepositories(sources, layoutFile, session))])];
  await note('network', told);
  return told;
}

const readText = async (path: string): Promise<string> => await readFile(path, 'utf8');

async function note(name: string, lines: readonly string[]): Promise<void> {
  await mkdir(notes, { recursive: true });
  await writeFile(join(notes, name), lines.map((line) => `${printable(line)}\n`).join(''));
}

interface Looked {
  readonly to: string;
  readonly root?: string;
  readonly layout?: string;
  readonly key: readonly string[];
}

/** Asks for passphrases of which there is no file, where somebody is at the terminal. */
export async function lookAtOldSystem(
  { to, root, layout, key }: Looked,
  { globals, host, signal }: Session,
): Promise<OldSystem> {
  const files = new Map(key.map(keyFile));
  const captured = layout === undefined ? undefined : await readDocument(layoutDocument, layout, readText);
  const keyOf = async (uuid: string, inner: AbortSignal): Promise<Uint8Array | undefined> => {
    const file = files.get(uuid);
    if (file !== undefined) return await explaining(`read ${file}`, async () => await readFile(file));
    if (globals.json || !process.stdin.isTTY) return undefined;
    const typed = await askHidden(`Passphrase of the encrypted volume ${uuid} (Enter leaves it closed): `, inner);
    return typed.reveal() === '' ? undefined : Buffer.from(typed.reveal());
  };
  return await mountOldSystem(
    {
      target: resolve(to),
      keyOf,
      ...(captured === undefined ? {} : { layout: captured }),
      ...(root === undefined ? {} : { root }),
    },
    host,
    signal,
  );
}

function keyFile(rule: string): readonly [uuid: string, file: string] {
  const [, uuid, file] = /^([^=]+)=(.+)$/.exec(rule) ?? [];
  if (uuid === undefined || file === undefined) throw new LifeboatError('usage', `not UUID=FILE: ${rule}`);
  return [uuid, resolve(file)];
}

export function oldSystemText({ target, mounts, missing }: OldSystem): string {
  return [
    `The old system is at ${target}, read-only. Nothing is written to its disks.`,
    ...mounts.map(({ path, device, type }) => `  ${path}  ${type}  ${device}`),
    ...missing.map((one) => `  not there: ${one}`),
    `A shell in it: chroot ${target}. To let go of the disks: lifeboat rescue umount`,
  ]
    .map(printable)
    .join('\n');
}

/** @returns where they are: a directory, or a key of the repository. @throws LifeboatError as opening that does */
export async function keepLogs(to: string | undefined, session: Session): Promise<string> {
  const { globals, host, signal, context, opening } = session;
  const now = new Date();
  if (to !== undefined) return await copyLogs(resolve(to), context.stateDir, host, now, signal);
  if (globals.repository === undefined) await recoveryCode(globals, signal);
  const { config } = await configured(globals);
  await using repository = await openConfigured(config, opening, signal);
  const files = [...(await readLogs(context.stateDir, host, signal))];
  const record = { format: LOG_FORMAT, at: now.toISOString(), files } as const;
  return await putLog(repository, await hostNameOf(config, host, signal), record, signal);
}
