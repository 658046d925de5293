/** Whether the newest rescue medium of this host still fits it. */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join, resolve } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { kernelBelow } from '../media/kernel.ts';
import { folderOfMedium, type KnownMedium, knownMedia } from '../media/known.ts';
import { closureOf, loadedModules, moduleName, readChoice } from '../media/modules.ts';
import { type StaleReason, staleReasons } from '../media/stale.ts';
import type { Captures } from '../point/captures.ts';
import { type DocumentKind, layoutDocument, networkDocument, type notCompared, readDocument } from './documents.ts';
import type { Session } from './session.ts';
import { programFolder, version } from './version.ts';

export interface MediumState {
  readonly id: string;
  readonly made: string;
  readonly output: string;
  readonly format: string;
  /** Empty where it still fits. */
  readonly stale: readonly StaleReason[];
  /** When it was last seen to start and to be in order; absent where it never was. */
  readonly proven?: { readonly at: string; readonly firmware: string };
}

/** The host as it is now. */
export interface HostNow {
  readonly layout: Captures['layout'];
  readonly network: Captures['network'];
}

/**
 * Of the newest medium that was made here; `undefined` where none was.
 *
 * @param now where it was captured anyway
 */
export async function mediumState(session: Session, now?: HostNow): Promise<MediumState | undefined> {
  const { host, signal } = session;
  const [known] = await knownMedia(session.context.stateDir);
  if (known === undefined) return undefined;
  const { medium, output, as, boots } = known;
  const proven = boots.findLast(({ passed }) => passed);
  const { layout, network } = now ?? {
    layout: await layoutDocument.capture(host, signal),
    network: await networkDocument.capture(host, signal),
  };
  return {
    id: medium.id,
    made: medium.made,
    output,
    format: as,
    stale: staleReasons(known, {
      ...(await kernelNow()),
      layout: await changedSince(known, layoutDocument, layout, session),
      network: await changedSince(known, networkDocument, network, session),
      settings: await settingsDigests(session.globals.config),
      version: version(),
      now: new Date(),
    }),
    ...(proven === undefined ? {} : { proven: { at: proven.at, firmware: proven.firmware } }),
  };
}

async function kernelNow() {
  const running = release();
  try {
    const { file, modules } = await kernelBelow('/', running);
    const { leaves } = await readChoice(join(programFolder(), 'rescue/modules'));
    const loaded = closureOf(modules, { takes: [], leaves }, await loadedModules()).map(moduleName);
    return { release: running, kernelSha256: hash('sha256', await readFile(file)), modules: loaded };
  } catch (error) {
    // A kernel that came from elsewhere: its medium starts another.
    if (error instanceof LifeboatError && error.code === 'not-found') return { release: running, modules: [] };
    throw error;
  }
}

async function changedSince<D extends Parameters<typeof notCompared>[0]>(
  { medium }: KnownMedium,
  kind: DocumentKind<D>,
  after: D,
  { context }: Session,
): Promise<readonly string[]> {
  const file = join(folderOfMedium(context.stateDir, medium.id), `${kind.name}.json`);
  const before = await readDocument(kind, file, async (path) => await readFile(path, 'utf8'));
  return (await kind.changes(before, after)).map(({ text }) => text);
}

/** Of what goes onto a medium as it is, and is compared with what is there later. */
export async function settingsDigests(config: string): Promise<Readonly<Record<string, string>>> {
  const files = { configuration: resolve(config), keys: '/root/.ssh/authorized_keys' };
  const digests = Object.entries(files).map(async ([name, file]) => {
    const content = await readFile(file).catch(() => Buffer.alloc(0));
    return [name, hash('sha256', content)] as const;
  });
  return Object.fromEntries(await Promise.all(digests));
}

/** What `check` says of it. */
export function mediumText(state: MediumState | undefined): string {
  if (state === undefined) return 'No rescue medium was made on this host: lifeboat rescue build --help';
  const { made, output, stale, proven } = state;
  const seen = proven === undefined ? 'nobody has seen it start' : `seen to start by ${proven.firmware} ${proven.at}`;
  const medium = `The newest rescue medium (${made}, written to ${output}; ${seen})`;
  if (stale.length === 0) return `${medium} fits this host.`;
  return [
    `${medium} does not fit this host any more:`,
    ...stale.map(({ subject, text }) => `  ${subject}: ${printable(text)}`),
  ].join('\n');
}
