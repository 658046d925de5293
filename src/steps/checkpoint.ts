/** Steps that put a running container into the repository: its checkpoint as a file, that file through the engine, and the file away again. */
import { dirname, join } from 'node:path/posix';
import type { Config } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { signContent } from '../keys/signed.ts';
import { CHECKPOINT_FORMAT, checkpointOwner, type CheckpointRecord, putCheckpoint } from '../point/checkpoints.ts';
import { captureContainers } from '../runtime/capture.ts';
import { checkpointToFile } from '../runtime/checkpoint/checkpoint.ts';
import { checkpointIn } from '../runtime/checkpoint/told.ts';
import { chosenContainer } from '../runtime/chosen.ts';
import { interruptedOf } from '../runtime/checkpoint/interrupted.ts';
import { withoutSecrets } from '../runtime/hidden.ts';
import type { CleanupContext } from '../workflow/step.ts';
import { discardUnrecorded } from './checkpoint-retention.ts';
import { checkpointDirectory, leftCheckpoints, leftText, letGoOf, sweepRestores } from './checkpoint-files.ts';
import { type State, step } from './define.ts';
import { keysAtHand } from './keys.ts';
import { type OpenRepository, openConfigured } from './repository.ts';
import { readWhole } from './store.ts';

export const freezeContainer = step({
  id: 'freeze',
  title: 'Checkpoint the container into a file of its own',
  needs: ['config', 'stateDir', 'version', 'hostName', 'pointId', 'checkpointRequest'],
  gives: ['checkpointFile'],
  destructive: true,
  timeout: '24h',
  run: async ({ state, host, say, secrets, signal }) => {
    const { config, stateDir, version, hostName, pointId, checkpointRequest: request } = state;
    const path = join(checkpointDirectory(stateDir), `${pointId}.tar`);
    await host.run(['mkdir', '-p', '-m', '0700', '--', dirname(path)], {}, signal);
    say({ type: 'note', text: `the checkpoint is in ${path} until it is stored` });
    await sweepRestores(stateDir, host, signal);
    for (const left of await leftCheckpoints(host, stateDir, signal))
      if (left.file !== path) say({ type: 'finding', subject: left.file, problem: leftText(left) });
    // Of this run, before it was cut off.
    const before = await checkpointIn(host, path, signal);
    if (before === undefined) await refuseInterrupted(host, path, signal);
    const made = before ?? (await freeze());
    if (made === undefined) throw new LifeboatError('bug', 'a checkpoint that was only looked at is no checkpoint');
    const { container, content, ...rest } = made;
    return { checkpointFile: { path, ...content, ...rest, container: withoutSecrets(container) } };

    async function freeze() {
      const { hostKey } = keysAtHand(config, { say, secrets });
      const { containers } = await captureContainers(host, new Date(), signal);
      const now = new Date();
      const options = {
        output: path,
        leaveRunning: request.leaveRunning,
        preDumps: request.preDumps,
        hostName,
        version,
        now,
        dryRun: false,
        ...present({ tcp: request.tcp, stopInstead: request.stopInstead }),
        ...(hostKey === undefined
          ? {}
          : { sign: (document: Uint8Array) => signContent('checkpoint', document, hostKey, now) }),
      };
      const container = chosenContainer(request.container, containers);
      const { checkpoint, removed, stoppedFor } = await checkpointToFile(host, container, options, signal);
      if (stoppedFor !== undefined) say({ type: 'note', text: `it was stopped and copied: ${stoppedFor.join('; ')}` });
      for (const text of removed) say({ type: 'note', text: `left of an earlier one, and gone now: ${text}` });
      return checkpoint;
    }
  },
});

/** Before anybody asks whether the container runs: that it does not is what is to be told. */
async function refuseInterrupted(host: Host, path: string, signal: AbortSignal): Promise<void> {
  const begun = await interruptedOf(host, path, signal);
  if (begun === undefined) return;
  throw new LifeboatError('exists', `the checkpoint of ${begun.intent.container.name} into ${path} was interrupted`, {
    hint: `See to it first: lifeboat container restore ${path}. The same run can then be gone on with.`,
  });
}

/** Runs `work`; what fails there names where the container is now. */
async function keeping<T>(
  { path, container, leftRunning }: State['checkpointFile'],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const { code, message, hint, retryable, cause = thrown } = asLifeboatError(thrown);
    const state = leftRunning ? 'runs on' : 'has ended';
    const where = `${container.name} ${state}; its checkpoint is in ${path}: lifeboat container restore ${path}.`;
    throw new LifeboatError(code, message, {
      hint: hint === undefined ? where : `${hint} ${where}`,
      retryable,
      cause,
    });
  }
}

export const storeCheckpoint = step({
  id: 'image',
  title: 'Store the checkpoint, and read it back',
  needs: ['config', 'hostName', 'pointId', 'lockId', 'checkpointFile'],
  gives: ['checkpointData'],
  timeout: '7d',
  cleanups: {
    /** Of one that never came to be on record. */
    async discard(
      { config, hostName, pointId }: { config: Config; hostName: string; pointId: string },
      { say, secrets, signal }: CleanupContext,
    ) {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      await discardUnrecorded(repository, hostName, pointId, signal);
    },
  },
  run: async ({ state, host, onFailure, say, secrets, signal }) => {
    const { config, hostName, pointId, checkpointFile: file } = state;
    return await keeping(file, async () => {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const { engine, target, keys } = repository;
      if (!keys.signs) {
        const problem =
          'the repository is not encrypted: whoever can read it reads the memory of the container, with the secrets in it';
        say({ type: 'finding', subject: 'encryption', problem });
      }
      await onFailure('discard', { config, hostName, pointId });
      const job = { target, hostName: checkpointOwner(hostName), pointId, sealing: keys };
      const { stored, entries, bytes, storedBytes, findings } = await engine.backup(
        {
          ...job,
          host,
          include: [file.path],
          exclude: [],
          rules: { cacheDirectories: false },
          description: { container: file.container, createdAt: file.createdAt },
          compressionLevel: config.backup.compressionLevel,
          onProgress: ({ doneBytes }) => {
            say({ type: 'progress', done: doneBytes, total: file.bytes, unit: 'bytes' });
          },
        },
        signal,
      );
      const [first] = findings;
      if (first !== undefined)
        throw new LifeboatError('target-failed', `the checkpoint was not stored: ${first.problem}`);
      const hint = 'The checkpoint was not put on record. Check the storage and the memory of this machine.';
      await readWhole(repository, { ...job, stored, scope: 'chain' }, { total: bytes, hint }, say, signal);
      return { checkpointData: { engine: engine.name, stored, entries, bytes, storedBytes } };
    });
  },
});

export const recordCheckpoint = step({
  id: 'checkpoint',
  title: 'Put the checkpoint on record, and let go of the file',
  needs: ['config', 'hostName', 'pointId', 'lockId', 'checkpointFile', 'checkpointData'],
  gives: ['recorded'],
  settles: true,
  timeout: '10m',
  run: async ({ state, host, say, secrets, signal }) => {
    const { config, hostName, pointId, checkpointFile: file, checkpointData: data } = state;
    return await keeping(file, async () => {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      await refuseGone(repository, hostName, pointId, data.storedBytes, signal);
      const { path, bytes, sha256, container, createdAt, leftRunning, tcp, withoutMemory } = file;
      const record: CheckpointRecord = {
        format: CHECKPOINT_FORMAT,
        id: pointId,
        createdAt,
        host: hostName,
        container,
        leftRunning,
        ...present({ tcp, withoutMemory }),
        file: { path, bytes, sha256 },
        data,
      };
      await putCheckpoint(repository, record, signal);
      await host.run(['rm', '-f', '--', path], {}, signal);
      for (const text of await letGoOf(path, host, signal)) say({ type: 'finding', subject: path, problem: text });
      return { recorded: { point: pointId, repository: repository.target.url } };
    });
  },
});

/** A run that is gone on with may come late. */
async function refuseGone(
  { engine, target }: Pick<OpenRepository, 'engine' | 'target'>,
  hostName: string,
  id: string,
  storedBytes: number,
  signal: AbortSignal,
): Promise<void> {
  let bytes = 0;
  for await (const { pointId, size } of engine.stored({ target, hostName: checkpointOwner(hostName) }, signal))
    if (pointId === id) bytes += size;
  if (bytes === storedBytes) return;
  throw new LifeboatError('not-found', `what was stored of the checkpoint ${id} is not there any more`, {
    hint: 'Nothing was put on record.',
  });
}
