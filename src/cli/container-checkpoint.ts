/** `container checkpoint` and `container restore`: what they ask of the runtime, and what they say. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { present } from '../kernel/present.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Keyring } from '../keys/keyring.ts';
import { signContent } from '../keys/signed.ts';
import { captureContainers } from '../runtime/capture.ts';
import { checkpointToFile } from '../runtime/checkpoint/checkpoint.ts';
import type { Checkpoint } from '../runtime/checkpoint/document.ts';
import { restoreFromFile } from '../runtime/checkpoint/restore.ts';
import { chosenContainer } from '../runtime/chosen.ts';
import { withoutSecrets } from '../runtime/hidden.ts';
import type { Tcp } from '../runtime/lifecycle.ts';
import type { Container } from '../runtime/model/container.ts';
import { checkpointDirectory } from '../steps/checkpoint-files.ts';
import { judgeCheckpoint, judgingKeys, signingKeys } from './container-keys.ts';
import type { Globals } from './globals.ts';
import { printResult } from './output.ts';
import { configured, needsConfiguration, openSession } from './session.ts';
import { version } from './version.ts';

export interface CheckpointFlags {
  /** Absent: into the repository. */
  readonly output?: string;
  readonly leaveRunning?: boolean;
  readonly preDump?: string;
  readonly tcp?: string;
}

export interface RestoreFlags {
  readonly name?: string;
  readonly tcp?: string;
  readonly keepVolumes?: boolean;
  readonly unsigned?: boolean;
}

export async function checkpointContainer(name: string, flags: CheckpointFlags, globals: Globals): Promise<void> {
  const tcp = tcpOf(flags.tcp);
  const preDumps = countOf(flags.preDump);
  const leaveRunning = flags.leaveRunning === true;
  if (flags.output === undefined && !globals.dryRun) {
    const { checkpointToRepository } = await import('./container-repository.ts');
    return await checkpointToRepository({ container: name, leaveRunning, preDumps, ...present({ tcp }) }, globals);
  }
  if (flags.output === undefined) await configuredForRepository(globals);
  await using session = openSession(globals);
  const { host, signal } = session;
  const { hostName, key } = await signingKeys(globals, host, signal);
  const container = chosenContainer(name, (await captureContainers(host, new Date(), signal)).containers);
  const now = new Date();
  const output = resolve(
    flags.output ?? join(nearest(checkpointDirectory(resolve(globals.stateDir))), `${newId(now)}.tar`),
  );
  const options = {
    output,
    leaveRunning,
    preDumps,
    hostName,
    version: version(),
    now,
    dryRun: globals.dryRun,
    ...(tcp === undefined ? {} : { tcp }),
    ...(key === undefined ? {} : { sign: (document: Uint8Array) => signContent('checkpoint', document, key, now) }),
  };
  const { checkpoint, removed } = await checkpointToFile(host, container, options, signal);
  const signed = key !== undefined;
  const result = checkpoint ?? { container };
  const shown = { container: withoutSecrets(container), output, signed, dryRun: globals.dryRun };
  const document = { ...result, ...shown, ...(removed.length === 0 ? {} : { removed }) };
  printResult(
    globals.json,
    document,
    () => `${removedText(removed)}${checkpointText(container, output, signed, checkpoint)}`,
  );
}

function removedText(removed: readonly string[]): string {
  if (removed.length === 0) return '';
  return `An earlier checkpoint or restore was interrupted; removed what was left of it: ${removed.map(printable).join(', ')}.\n`;
}

/** Of the directory in which it would be made on its way into the repository, what is there already. */
function nearest(directory: string): string {
  return existsSync(directory) ? directory : nearest(dirname(directory));
}

async function configuredForRepository(globals: Globals): Promise<void> {
  needsConfiguration(globals, 'a checkpoint into the repository');
  await configured(globals);
}

function checkpointText(
  { name, runtime }: Container,
  output: string,
  signed: boolean,
  checkpoint: Checkpoint | undefined,
): string {
  if (checkpoint === undefined)
    return `Nothing that is known speaks against a checkpoint of ${printable(name)} (${runtime}).`;
  const { leftRunning, content, tcp } = checkpoint;
  const state = leftRunning ? 'runs on' : 'has ended';
  const connections =
    tcp === undefined ? '' : ` Its TCP connections are ${tcp === 'keep' ? 'kept' : 'closed by a restore'}.`;
  const memory =
    'It holds the memory of the container, with the secrets in it, and is not encrypted: keep it as you keep those.';
  const trust = signed
    ? ''
    : '\nNobody has signed it, for no configuration names a key: a restore asks for --unsigned.';
  return `${printable(name)} (${runtime}) is in ${printable(output)}, ${formatBytes(content.bytes)}, and ${state}.${connections}\n${memory}${trust}`;
}

/** @param what a file, by its path; or what {@link fetchCheckpoint} takes */
export async function restoreContainer(what: string, flags: RestoreFlags, globals: Globals): Promise<void> {
  const tcp = tcpOf(flags.tcp);
  if (isPath(what)) {
    const file = resolve(what);
    return await restoreThe({ file }, await judgingKeys(globals), tcp, flags, globals);
  }
  const { fetchCheckpoint } = await import('./container-repository.ts');
  await using fetched = await fetchCheckpoint(what, globals);
  const { file, keys, record } = fetched;
  await restoreThe({ file, checkpoint: record.id }, keys, tcp, flags, globals);
}

/** A directory that is called as a container is none of its checkpoints. */
function isPath(what: string): boolean {
  return what.includes('/') || what.endsWith('.tar') || statSync(what, { throwIfNoEntry: false })?.isFile() === true;
}

interface Source {
  readonly file: string;
  /** Its id, where it came from the repository. */
  readonly checkpoint?: string;
}

async function restoreThe(
  { file, checkpoint }: Source,
  keys: Pick<Keyring, 'judge' | 'signs'> | undefined,
  tcp: Tcp | undefined,
  flags: RestoreFlags,
  globals: Globals,
): Promise<void> {
  await using session = openSession(globals);
  const { host, signal } = session;
  const options = {
    file,
    keepVolumes: flags.keepVolumes === true,
    unsigned: flags.unsigned === true,
    judge: judgeCheckpoint(file, keys),
    dryRun: globals.dryRun,
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(tcp === undefined ? {} : { tcp }),
  };
  const { id, container, interrupted, removed = [] } = await restoreFromFile(host, options, signal);
  const name = flags.name ?? container.name;
  const document = {
    format: 'lifeboat.restored/1',
    runtime: container.runtime,
    name,
    ...(checkpoint === undefined ? { file } : { checkpoint }),
    dryRun: globals.dryRun,
    ...(id === undefined ? {} : { id }),
    ...(removed.length === 0 ? {} : { removed }),
  };
  const checkpointed =
    interrupted === undefined ? '' : `A checkpoint into or a restore of ${printable(file)} was interrupted. `;
  const left = removed.length === 0 ? checkpointed : removedText(removed);
  const ran = 'had run on; what the checkpoint had left was removed';
  printResult(globals.json, document, () =>
    interrupted === 'it ran on' && id !== undefined
      ? `${left}${printable(name)} ${ran}.`
      : `${left}${restoredText(name, container, id)}`,
  );
}

function restoredText(name: string, container: Container, id: string | undefined): string {
  return id === undefined
    ? `Nothing that is known speaks against a restore of ${printable(name)} (${container.runtime}).`
    : `${printable(name)} (${container.runtime}, ${printable(id.slice(0, 12))}) runs on from where it was.`;
}

function tcpOf(text: string | undefined): Tcp | undefined {
  if (text === undefined || text === 'keep' || text === 'close') return text;
  throw new LifeboatError('usage', `--tcp=${text}: it is keep or close`);
}

function countOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new LifeboatError('usage', `--pre-dump ${text}: it is a number of passes, from 1 to 99`);
}
