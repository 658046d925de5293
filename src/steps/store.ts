/** Steps that make the data of a recovery point: store it, and read it back. */
import type { Config } from '../config/schema.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { listPoints } from '../point/records.ts';
import type { Repository } from '../point/record-objects.ts';
import type { CleanupContext } from '../workflow/step.ts';
import { type State, step } from './define.ts';
import { openConfigured } from './repository.ts';
import { dataOf, describe } from './record.ts';

/**
 * How much there will be to read, for the time that is left: as much as last time, else what is used of the filesystems
 * that are backed up; `undefined` when only parts of them are.
 */
async function expectation(
  repository: Repository,
  { config, hostName, layout }: Pick<State, 'config' | 'hostName' | 'layout'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { include } = config.backup;
  const last = (await listPoints(repository, hostName, signal)).points.at(-1)?.point;
  if (last?.include.join('\n') === include.join('\n')) return last?.data.bytes;
  const used = include.map((path) => {
    const mount = layout.components.find((item) => item.kind === 'mount' && item.path === path && !item.hidden);
    return mount?.kind === 'mount' ? mount.usedBytes : undefined;
  });
  return used.reduce((sum, bytes) => (sum === undefined || bytes === undefined ? undefined : sum + bytes), 0);
}

export const storeData = step({
  id: 'data',
  title: 'Store the files',
  // The lock is needed for what it keeps away, not for its id: so nobody can skip it.
  needs: ['config', 'ownPaths', 'identity', 'hostName', 'pointId', 'lockId', 'layout', 'network', 'facts', 'coverage'],
  gives: ['data'],
  timeout: '7d',
  cleanups: {
    /** What a point that never came to be left in the repository. */
    async discard(
      { config, hostName, pointId }: { config: Config; hostName: string; pointId: string },
      { say, secrets, signal }: CleanupContext,
    ) {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const { engine, target, keys } = repository;
      await engine.discard({ target, hostName, pointId, sealing: keys }, signal);
    },
  },
  run: async ({ host, state, onFailure, say, secrets, signal }) => {
    const { config, hostName, pointId, ownPaths } = state;
    await using repository = await openConfigured(config, { say, secrets }, signal);
    await onFailure('discard', { config, hostName, pointId });
    const expectedBytes = await expectation(repository, state, signal);
    const result = await repository.engine.backup(
      {
        target: repository.target,
        hostName,
        pointId,
        sealing: repository.keys,
        host,
        include: config.backup.include,
        exclude: config.backup.exclude,
        rules: { cacheDirectories: config.backup.excludeCaches },
        leaveOut: ownPaths,
        compressionLevel: config.backup.compressionLevel,
        description: describe(state),
        ...(expectedBytes === undefined ? {} : { expectedBytes }),
        onProgress: ({ doneBytes, totalBytes }) => {
          say({ type: 'progress', done: doneBytes, unit: 'bytes', ...(totalBytes ? { total: totalBytes } : {}) });
        },
      },
      signal,
    );
    for (const finding of result.findings) say({ type: 'finding', ...finding });
    return { data: dataOf(repository.engine.name, result) };
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
    const { target, engine, keys } = repository;
    const report = await engine.verify(
      {
        target,
        hostName,
        pointId,
        sealing: keys,
        stored: data.stored,
        scope: 'own',
        onProgress: ({ doneBytes }) => say({ type: 'progress', done: doneBytes, total: data.bytes, unit: 'bytes' }),
      },
      signal,
    );
    const [first] = report.damage;
    if (first) {
      throw new LifeboatError(
        'archive-damaged',
        `what was stored reads back wrong: ${first.subject}: ${first.problem}`,
        {
          hint: 'The point was not put on record. Check the storage and the memory of this machine, then run it again.',
        },
      );
    }
    // What an incremental point builds upon was verified when that was made, and has its own turn later.
    return { verified: { ...report, scope: data.base === undefined ? 'chain' : 'own' } };
  },
});
