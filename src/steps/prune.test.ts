/** What is too young to be pruned is so by the clock of the storage, in a dry run as in the deed. */
import { expect, test } from 'vitest';
import { testKeyring } from '../../test/helpers/keyring.ts';
import { madeData, madeDescription } from '../../test/helpers/points.ts';
import { localCopies } from '../../test/helpers/real-points.ts';
import { openEngine } from '../engine/engines.ts';
import { putPoint } from '../point/records.ts';
import { type MemoryStore, memoryTarget } from '../target/memory/memory.ts';
import type { Target } from '../target/target.ts';
import { prunePlan } from './prune.ts';

const HOUR = 3_600_000;

/** Its clock goes before ours by so much. */
function ahead(target: Target, ms: number): Target {
  return {
    ...target,
    async stat(key, signal) {
      const info = await target.stat(key, signal);
      return info && { ...info, mtimeMs: info.mtimeMs + ms };
    },
    async *list(prefix, signal) {
      for await (const entry of target.list(prefix, signal)) yield { ...entry, mtimeMs: entry.mtimeMs + ms };
    },
  };
}

test.each([-48, 0, 48])('a storage whose clock is %d hours ahead', async (hours) => {
  const signal = AbortSignal.timeout(60_000);
  const store: MemoryStore = new Map();
  const target = ahead(memoryTarget('prune', store), hours * HOUR);
  const repository = {
    target,
    engine: openEngine('tar'),
    keys: testKeyring(),
    id: '0'.repeat(32),
    [Symbol.asyncDispose]: async () => {},
  };
  await putPoint(repository, madeDescription('p1'), madeData, signal);
  const add = async (id: string, age: number) => {
    const key = `tar/box/${id}.tar.zst.age`;
    await target.put(key, Buffer.from('of a run that was killed'), {}, signal);
    store.set(key, { bytes: store.get(key)?.bytes ?? Buffer.alloc(0), mtimeMs: Date.now() - age });
  };
  await add('young', 20 * HOUR);
  await add('old', 28 * HOUR);
  const before = [...store.keys()];
  const state = { hostName: 'box', pruneRequest: { grace: '24h' } };
  const plan = await prunePlan(repository, localCopies([]), state, signal);
  expect(plan.remove.map(({ id }) => id)).toEqual(['old']);
  expect(plan.keep.map(({ id, why }) => [id, why])).toEqual([['young', 'is too young']]);
  expect([...store.keys()]).toEqual(before);
});
