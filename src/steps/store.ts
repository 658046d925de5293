/** Steps that make the data of a recovery point: store it, and read it back. */
import { join } from 'node:path';
import type { Recipient } from '../age/keys.ts';
import type { Config } from '../config/schema.ts';
import type { Progress, VerifyJob, VerifyReport } from '../engine/engine.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { parseBytes } from '../kernel/units.ts';
import { zstdFrames } from '../native/zstd.ts';
import { baseFor } from '../point/base.ts';
import { isOnRecord } from '../point/forget.ts';
import { taking } from '../point/containers.ts';
import { followedPaths, notMounted } from '../point/include.ts';
import { rememberRepository } from '../point/same-repository.ts';
import { knownPoints } from '../point/known.ts';
import { isProven, type Point, type Trust } from '../point/point.ts';
import type { CleanupContext, Say } from '../workflow/step.ts';
import { checkMounts } from './dead-mounts.ts';
import { type State, step } from './define.ts';
import { localOf, type OpenRepository, openConfigured } from './repository.ts';
import { dataOf, describe } from './record.ts';

/**
 * What the new point builds upon. A host that cannot read its repository knows its own points by the copies that it keeps of
 * their records; whether their data is still there, the engine sees.
 */
async function chooseBase(
  repository: OpenRepository,
  { config, stateDir, hostName }: Pick<State, 'config' | 'stateDir' | 'hostName'>,
  say: Say,
  signal: AbortSignal,
): Promise<Point | undefined> {
  if (!config.backup.incremental) return undefined;
  const local = localOf(repository, { stateDir, hostName });
  const { points } = await knownPoints(repository, hostName, local, signal);
  const trusted = new Set(points.filter(({ trust }) => isTrusted(trust, config)).map(({ point }) => point.id));
  const base = baseFor(
    points.map(({ point }) => point),
    config.backup,
    (point) => trusted.has(point.id) && point.data.engine === repository.engine.name,
  );
  if (base === undefined || isSealedTo(repository.keys.recipients, base)) return base;
  say({ type: 'note', text: `a full point: the keys in force do not open ${base.id} by themselves` });
  return undefined;
}

/** Whether each of these opens it alone, so that nobody with one sheet of paper needs an older one for what is built upon it. */
function isSealedTo(recipients: readonly Recipient[], { data }: Pick<Point, 'data'>): boolean {
  return recipients.every(({ text }) => data.sealedTo?.includes(text));
}

/** Where nothing is read back by configuration, what was stored has to do. */
function isTrusted(trust: Trust, { verify }: Config): boolean {
  return isProven(trust) || (trust === 'stored' && verify.after === 'none');
}

export const storeData = step({
  id: 'data',
  title: 'Store the files',
  // The lock is needed for what it keeps away, not for its id: so nobody can skip it.
  needs: [
    'config',
    'ownPaths',
    'stateDir',
    'identity',
    'hostName',
    'pointId',
    'lockId',
    'layout',
    'network',
    'facts',
    'containers',
    'coverage',
  ],
  gives: ['data'],
  timeout: '7d',
  cleanups: {
    /** What a point that never came to be left in the repository; one that is still on record has its data. */
    async discard(
      { config, hostName, pointId }: { config: Config; hostName: string; pointId: string },
      { say, secrets, signal }: CleanupContext,
    ) {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const { engine, target, keys } = repository;
      if (await isOnRecord(repository, hostName, pointId, signal)) return;
      await engine.discard({ target, hostName, pointId, sealing: keys }, signal);
    },
  },
  run: async ({ host, state, onFailure, say, secrets, signal }) => {
    const { config, hostName, pointId, ownPaths, stateDir, layout, containers } = state;
    const { excludeCaches, maxFileSize, compare, compressionLevel, exclude } = config.backup;
    await using repository = await openConfigured(config, { say, secrets }, signal);
    if (zstdFrames() === undefined)
      say({ type: 'detail', text: 'Zstandard is that of Node, not that of the addon: slower' });
    await rememberRepository(stateDir, { url: repository.target.url, id: repository.id });
    await onFailure('discard', { config, hostName, pointId });
    for (const path of notMounted(config.backup, layout)) {
      say({ type: 'finding', subject: path, problem: 'nothing is mounted there, so nothing of it is in the point' });
    }
    const { include, keep, imageLayers } = taking(config.backup, layout, containers);
    const followed = await followedPaths(host, include, signal);
    await checkMounts(host, { include: followed, exclude }, layout, signal);
    const base = await chooseBase(repository, state, say, signal);
    const result = await repository.engine.backup(
      {
        target: repository.target,
        hostName,
        pointId,
        sealing: repository.keys,
        host,
        include,
        exclude,
        rules: {
          cacheDirectories: excludeCaches,
          ...(maxFileSize === undefined ? {} : { maxFileBytes: parseBytes(maxFileSize) }),
        },
        leaveOut: ownPaths,
        keep,
        imageLayers,
        compressionLevel,
        compare,
        indexDirectory: join(stateDir, 'index', repository.id),
        ...(base === undefined ? {} : { base: { pointId: base.id, stored: base.data.stored } }),
        description: describe(state),
        onProgress: ({ doneBytes, totalBytes }) => {
          say({ type: 'progress', done: doneBytes, unit: 'bytes', ...(totalBytes ? { total: totalBytes } : {}) });
        },
      },
      signal,
    );
    for (const text of result.notes) say({ type: 'note', text });
    for (const finding of result.findings) say({ type: 'finding', ...finding });
    const sealedTo = repository.keys.recipients.map(({ text }) => text);
    return { data: { ...dataOf(repository.engine, result), sealedTo } };
  },
});

export const readBack = step({
  id: 'read-back',
  title: 'Read everything back and check it',
  needs: ['config', 'hostName', 'pointId', 'data'],
  gives: ['verified'],
  timeout: '7d',
  run: async ({ state: { config, hostName, pointId, data }, say, secrets, signal }) => {
    if (config.verify.after === 'none') return { verified: null };
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const { target, keys } = repository;
    const job = { target, hostName, pointId, sealing: keys, stored: data.stored, scope: 'own' } as const;
    const hint =
      'The point was not put on record. Check the storage and the memory of this machine, then run it again.';
    const report = await readWhole(repository, job, { total: data.bytes, hint }, say, signal);
    // What an incremental point builds upon was verified when that was made, and has its own turn later.
    return {
      verified: { ...report, at: new Date().toISOString(), scope: data.references.length === 0 ? 'chain' : 'own' },
    };
  },
});

/**
 * Reads back what was stored just now.
 *
 * @param hint what to do where it is not what was sent
 * @throws LifeboatError `archive-damaged`
 */
export async function readWhole(
  { engine }: Pick<OpenRepository, 'engine'>,
  job: Omit<VerifyJob, 'onProgress'>,
  { total, hint }: { readonly total: number; readonly hint: string },
  say: Say,
  signal: AbortSignal,
): Promise<VerifyReport> {
  const onProgress = ({ doneBytes }: Progress): void =>
    say({ type: 'progress', done: doneBytes, total, unit: 'bytes' });
  const report = await engine.verify({ ...job, onProgress }, signal);
  const [first] = report.damage;
  if (first === undefined) return report;
  throw new LifeboatError('archive-damaged', `what was stored reads back wrong: ${first.subject}: ${first.problem}`, {
    hint,
  });
}
