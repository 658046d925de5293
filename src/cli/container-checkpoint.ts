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
import { type CheckpointOptions, checkpointToFile } from '../runtime/checkpoint/checkpoint.ts';
import type { Checkpoint } from '../runtime/checkpoint/document.ts';
import { restoreFromFile } from '../runtime/checkpoint/restore.ts';
import { type AgreedStop, lastingReasons } from '../runtime/checkpoint/copied.ts';
import { chosenContainer } from '../runtime/chosen.ts';
import { withoutSecrets } from '../runtime/hidden.ts';
import type { Tcp } from '../runtime/lifecycle.ts';
import type { Container } from '../runtime/model/container.ts';
import { checkpointDirectory } from '../steps/checkpoint-files.ts';
import { agree, consentDigest, type Destruction, destructionText } from '../steps/consent.ts';
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
  readonly stop?: boolean;
  readonly stopInstead?: boolean;
  readonly tcp?: string;
}

export interface RestoreFlags {
  readonly name?: string;
  readonly pod?: string;
  readonly tcp?: string;
  readonly keepVolumes?: boolean;
  readonly unsigned?: boolean;
}

export async function checkpointContainer(name: string, flags: CheckpointFlags, globals: Globals): Promise<void> {
  const tcp = tcpOf(flags.tcp);
  const preDumps = countOf(flags.preDump);
  const leaveRunning = flags.leaveRunning === true;
  const wanted: CheckpointOptions['stopInstead'] =
    flags.stop === true ? 'always' : flags.stopInstead === true ? 'where-needed' : undefined;
  const asked = { leaveRunning, preDumps, ...present({ tcp }) };
  if (flags.output === undefined) await configuredForRepository(globals);
  const output = outputOf(flags, globals);
  const looking = wanted === undefined || globals.dryRun;
  const stop = looking ? undefined : await agreedStop(name, { ...asked, output, stopInstead: wanted }, globals);
  if (flags.output === undefined && !globals.dryRun) {
    const { checkpointToRepository } = await import('./container-repository.ts');
    return await checkpointToRepository({ container: name, ...asked, ...present({ stopInstead: stop }) }, globals);
  }
  await using session = openSession(globals);
  const { host, signal } = session;
  const { hostName, key } = await signingKeys(globals, host, signal);
  const container = chosenContainer(name, (await captureContainers(host, new Date(), signal)).containers);
  const now = new Date();
  const options = {
    ...asked,
    ...present({ stopInstead: globals.dryRun ? wanted : stop }),
    output,
    hostName,
    version: version(),
    now,
    dryRun: globals.dryRun,
    ...(key === undefined ? {} : { sign: (document: Uint8Array) => signContent('checkpoint', document, key, now) }),
  };
  const { checkpoint, removed, stoppedFor } = await checkpointToFile(host, container, options, signal);
  const signed = key !== undefined;
  const result = checkpoint ?? { container };
  const shown = { container: withoutSecrets(container), output, signed, dryRun: globals.dryRun };
  const document = {
    ...result,
    ...shown,
    ...(removed.length === 0 ? {} : { removed }),
    ...(stoppedFor === undefined
      ? {}
      : { stoppedFor, digest: consentDigest(stopping(container, leaveRunning, stoppedFor).identity) }),
  };
  printResult(globals.json, document, () =>
    checkpoint === undefined
      ? lookText(container, leaveRunning, stoppedFor)
      : `${removedText(removed)}${checkpointText(container, output, signed, checkpoint)}`,
  );
}

/** The file that was named, or where one would lie on its way into the repository. */
function outputOf({ output }: CheckpointFlags, { stateDir }: Globals): string {
  return resolve(output ?? join(nearest(checkpointDirectory(resolve(stateDir))), `${newId(new Date())}.tar`));
}

/**
 * @returns what somebody agreed to; nothing where nothing has to be stopped
 * @throws LifeboatError `refused` where it would be stopped and nobody agreed
 */
async function agreedStop(
  name: string,
  asked: Omit<CheckpointOptions, 'hostName' | 'version' | 'now' | 'dryRun'>,
  globals: Globals,
): Promise<AgreedStop | undefined> {
  await using session = openSession(globals);
  const { host, signal, context } = session;
  const container = chosenContainer(name, (await captureContainers(host, new Date(), signal)).containers);
  const look = { ...asked, hostName: '', version: version(), now: new Date(), dryRun: true };
  const { stoppedFor } = await checkpointToFile(host, container, look, signal);
  if (stoppedFor === undefined) return undefined;
  const destruction = stopping(container, asked.leaveRunning, stoppedFor);
  await agree(destruction, { yes: globals.yes, ask: context.ask }, signal);
  return { id: container.id, reasons: stoppedFor };
}

function stopping({ id, name, runtime }: Container, leaveRunning: boolean, why: readonly string[]): Destruction {
  const then = leaveRunning ? 'then it is started from its beginning' : 'it stays stopped';
  return {
    deed: `stop ${name} and copy it`,
    verb: 'stopped',
    items: [
      {
        name: `${name} (${runtime})`,
        state: `all in its memory and its tmpfs is lost, and ${then}: ${why.join('; ')}`,
      },
    ],
    identity: { format: 'lifeboat.container-stop/1', runtime, id, leaveRunning, reasons: [...lastingReasons(why)] },
  };
}

function lookText(container: Container, leaveRunning: boolean, stoppedFor: readonly string[] | undefined): string {
  const { name, runtime } = container;
  return stoppedFor === undefined
    ? `Nothing that is known speaks against a checkpoint of ${printable(name)} (${runtime}).`
    : destructionText(stopping(container, leaveRunning, stoppedFor));
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
  { leftRunning, content, members, tcp, withoutMemory }: Checkpoint,
): string {
  const ran = withoutMemory === true ? 'was started again, from its beginning' : 'runs on';
  const state = leftRunning ? ran : 'has ended';
  const connections =
    tcp === undefined ? '' : ` Its TCP connections are ${tcp === 'keep' ? 'kept' : 'closed by a restore'}.`;
  const copied = members.some(({ path }) => path === 'rootfs-diff.tar')
    ? 'what the container has changed, its volumes, and nothing of its memory'
    : 'the specification of the container and no more: keep its bundle';
  const held = withoutMemory === true ? copied : 'the memory of the container';
  const memory = `It holds ${held}, with the secrets in it, and is not encrypted: keep it as you keep those.`;
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
    ...present({ name: flags.name, pod: flags.pod, tcp }),
  };
  const { id, container, interrupted, withoutMemory, removed = [] } = await restoreFromFile(host, options, signal);
  const name = flags.name ?? container.name;
  const document = {
    format: 'lifeboat.restored/1',
    runtime: container.runtime,
    name,
    ...(checkpoint === undefined ? { file } : { checkpoint }),
    dryRun: globals.dryRun,
    ...(id === undefined ? {} : { id }),
    ...present({ withoutMemory }),
    ...(removed.length === 0 ? {} : { removed }),
  };
  const checkpointed =
    interrupted === undefined ? '' : `A checkpoint into or a restore of ${printable(file)} was interrupted. `;
  const left = removed.length === 0 ? checkpointed : removedText(removed);
  const ran = 'had run on; what the checkpoint had left was removed';
  printResult(globals.json, document, () =>
    interrupted === 'it ran on' && id !== undefined
      ? `${left}${printable(name)} ${ran}.`
      : `${left}${restoredText(name, container, id, withoutMemory)}`,
  );
}

function restoredText(name: string, { runtime }: Container, id: string | undefined, withoutMemory?: true): string {
  if (id === undefined) return `Nothing that is known speaks against a restore of ${printable(name)} (${runtime}).`;
  const how = withoutMemory === true ? 'was started from its beginning' : 'runs on from where it was';
  return `${printable(name)} (${runtime}, ${printable(id.slice(0, 12))}) ${how}.`;
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
