/** Checkpoints of containers in the repository: put there, listed, restored from it, and forgotten. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { checkpoint } from '../../workflows/checkpoint.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { checkpointOwner, type CheckpointRecord, chosenCheckpoint, listCheckpoints } from '../point/checkpoints.ts';
import type { Tcp } from '../runtime/lifecycle.ts';
import type { AgreedStop } from '../runtime/checkpoint/copied.ts';
import { freeBytes } from '../runtime/checkpoint/facts.ts';
import { checkpointIn } from '../runtime/checkpoint/told.ts';
import { forgetCheckpoint } from '../steps/checkpoint-retention.ts';
import {
  type LeftCheckpoint,
  leftCheckpoints,
  leftText,
  restoreDirectory,
  sweepRestores,
} from '../steps/checkpoint-files.ts';
import { agree, consentDigest, type Destruction, destructionText } from '../steps/consent.ts';
import { lockForCommand } from '../steps/prepare.ts';
import { openConfigured, type OpenRepository } from '../steps/repository.ts';
import type { Globals } from './globals.ts';
import { printResult, table } from './output.ts';
import { describeCheckpoint } from './present.ts';
import { hostNameOf } from './requests.ts';
import { configured, openSession, runCommand, type Session, settingsOf } from './session.ts';

interface Asked {
  readonly container: string;
  readonly leaveRunning: boolean;
  readonly preDumps: number;
  readonly stopInstead?: AgreedStop;
  readonly tcp?: Tcp;
}

export async function checkpointToRepository(asked: Asked, globals: Globals): Promise<void> {
  const { config, inputs } = await configured(globals);
  const { stopInstead, ...rest } = asked;
  await using session = openSession(globals, settingsOf(config));
  await runCommand(
    session,
    checkpoint,
    { ...inputs, checkpointRequest: { ...rest, ...present({ stopInstead: stopInstead && { ...stopInstead } }) } },
    describeCheckpoint,
  );
}

export async function listCheckpointsHere(globals: Globals): Promise<void> {
  await using opened = await openHere(globals);
  const { repository, hostName, session } = opened;
  const { checkpoints, damaged } = await listCheckpoints(repository, hostName, session.signal);
  const left = await leftCheckpoints(session.host, session.context.stateDir, session.signal);
  const document = {
    host: hostName,
    repository: repository.target.url,
    checkpoints: checkpoints.map(({ data: { bytes, storedBytes }, file: _file, ...rest }) => ({
      ...rest,
      bytes,
      storedBytes,
    })),
    damaged: damaged.map(({ id, error }) => ({ id, problem: error.message })),
    left,
  };
  printResult(globals.json, document, () => listText(checkpoints, document.damaged, left));
  if (damaged.length > 0) process.exitCode = 4;
}

function listText(
  checkpoints: readonly CheckpointRecord[],
  damaged: readonly { readonly id: string; readonly problem: string }[],
  left: readonly LeftCheckpoint[],
): string {
  const here = left.map((one) => `  ! ${printable(one.file)}: ${printable(leftText(one))}`);
  if (checkpoints.length + damaged.length === 0)
    return ['The repository has no checkpoint of a container of this host.', ...here].join('\n');
  const rows = checkpoints.map(({ id, createdAt, container, data, tcp, leftRunning, withoutMemory }) => [
    id,
    createdAt,
    printable(container.name),
    container.runtime,
    formatBytes(data.bytes),
    [
      leftRunning ? 'ran on' : 'ended',
      ...(withoutMemory === true ? ['stopped and copied, without its memory'] : []),
      ...(tcp === undefined ? [] : [`connections: ${tcp}`]),
    ].join(', '),
  ]);
  const lines = damaged.map(({ id, problem }) => `  ! ${id}: ${printable(problem)}`);
  return [table(['CHECKPOINT', 'AT', 'CONTAINER', 'RUNTIME', 'SIZE', ''], rows), ...lines, ...here].join('\n');
}

export async function forgetCheckpointHere(id: string, globals: Globals): Promise<void> {
  await using opened = await openHere(globals);
  const { repository, hostName, session } = opened;
  const { host, signal } = session;
  const { checkpoints, damaged } = await listCheckpoints(repository, hostName, signal);
  const record = checkpoints.find((one) => one.id === id);
  if (record === undefined && !damaged.some((one) => one.id === id))
    throw new LifeboatError('not-found', `the repository has no checkpoint ${JSON.stringify(id)}`, {
      hint: 'Give the whole id: lifeboat container checkpoints.',
    });
  const name = record === undefined ? `checkpoint ${id}` : `${record.container.name} (${record.container.runtime})`;
  const state = record === undefined ? 'its record cannot be read' : `as it ran ${record.createdAt}`;
  const destruction: Destruction = {
    deed: `forget the checkpoint ${id}`,
    verb: 'forgotten',
    items: [{ name, state }],
    identity: { format: 'lifeboat.checkpoint-forget/1', host: hostName, id },
  };
  if (!globals.dryRun) {
    await agree(destruction, { yes: globals.yes, ask: session.context.ask }, signal);
    // A restore that reads it meanwhile fails, and says so; another run that writes is kept away.
    await using _lock = await lockForCommand(repository.target, host, hostName, 'container forget', signal);
    await forgetCheckpoint(repository, hostName, id, signal);
  }
  const digest = consentDigest(destruction.identity);
  const document = { checkpoint: id, ...(globals.dryRun ? {} : { forgotten: id }), dryRun: globals.dryRun, digest };
  printResult(globals.json, document, () =>
    globals.dryRun ? destructionText(destruction) : `The checkpoint ${id} is forgotten.`,
  );
}

export interface Fetched extends AsyncDisposable {
  readonly file: string;
  readonly record: CheckpointRecord;
  readonly keys: OpenRepository['keys'];
}

/** A checkpoint out of the repository as a file for a while. @param name as {@link chosenCheckpoint} takes it */
export async function fetchCheckpoint(name: string, globals: Globals): Promise<Fetched> {
  await using stack = new AsyncDisposableStack();
  const { repository, hostName, session } = stack.use(await openHere(globals));
  const { signal, context, host } = session;
  const record = chosenCheckpoint(await listCheckpoints(repository, hostName, signal), name);
  await sweepRestores(context.stateDir, host, signal);
  const { path: directory } = stack.use(await restoreDirectory(context.stateDir, host));
  await checkRoom(host, directory, record, signal);
  const { engine, target, keys } = repository;
  await engine.restore(
    {
      target,
      hostName: checkpointOwner(hostName),
      pointId: record.id,
      sealing: keys,
      stored: record.data.stored,
      paths: [record.file.path],
      directory,
      onProgress: () => undefined,
    },
    signal,
  );
  const file = join(directory, record.file.path);
  await checkFetched(host, file, record, signal);
  const kept = stack.move();
  return { file, record, keys, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}

/** @throws LifeboatError `no-space` */
async function checkRoom(
  host: Host,
  directory: string,
  { id, data }: CheckpointRecord,
  signal: AbortSignal,
): Promise<void> {
  const free = await freeBytes(host, directory, signal);
  if (free >= data.bytes) return;
  throw new LifeboatError(
    'no-space',
    `the checkpoint ${id} takes ${formatBytes(data.bytes)} on its way, and ${directory} has ${formatBytes(free)} free`,
    { hint: 'Free some space there, or choose another directory with --state-dir.' },
  );
}

/**
 * That what came is what the record tells of: a file, whose document speaks of the archive that the record names. The archive
 * itself is read against the document by the restore.
 *
 * @throws LifeboatError `archive-damaged`
 */
async function checkFetched(host: Host, file: string, record: CheckpointRecord, signal: AbortSignal): Promise<void> {
  const { bytes, sha256 } = record.file;
  const found = (await lstat(file)).isFile() ? await checkpointIn(host, file, signal) : undefined;
  if (found?.content.bytes === bytes && found.content.sha256 === sha256) return;
  throw new LifeboatError(
    'archive-damaged',
    `what is stored of ${record.id} is not the checkpoint that its record names`,
    {
      hint: 'Take another one: lifeboat container checkpoints.',
    },
  );
}

interface Here extends AsyncDisposable {
  readonly repository: OpenRepository;
  readonly hostName: string;
  readonly session: Session;
}

async function openHere(globals: Globals): Promise<Here> {
  const { config } = await configured(globals);
  await using stack = new AsyncDisposableStack();
  const session = stack.use(openSession(globals, settingsOf(config)));
  const repository = stack.use(await openConfigured(config, session.opening, session.signal));
  const hostName = await hostNameOf(config, session.host, session.signal);
  const kept = stack.move();
  return { repository, hostName, session, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}
