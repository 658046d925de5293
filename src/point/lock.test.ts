import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import { getBytes, type Target } from '../target/target.ts';
import { acquireLock, type Claim, type Held, lockKey, releaseLock, sweepBreaking } from './lock.ts';

const key = lockKey('box');
const DEAD = 1;

function claim(changes: { [Key in keyof Claim]?: Claim[Key] | undefined } = {}): Claim {
  const all = {
    host: 'box',
    machineId: 'machine',
    bootId: 'boot',
    pidNamespace: 'pid:[2]',
    pid: 42,
    processStart: 7,
    run: 'run-1',
    since: '2026-11-20T02:00:00.000Z',
    ...changes,
  };
  return JSON.parse(JSON.stringify(all));
}

const isAlive = async ({ pid }: { pid: number }) => pid !== DEAD;
const fresh = () => memoryTarget('lock', new Map());

async function keys(target: Target, signal: AbortSignal): Promise<string[]> {
  return (await Array.fromAsync(target.list('', signal))).map((object) => object.key).sort();
}

async function holder(target: Target, signal: AbortSignal): Promise<{ id: string; run: string }> {
  return JSON.parse((await getBytes(target, key, 10_000, signal)).toString());
}

test('is taken, held against others, and let go', async ({ signal }) => {
  const target = fresh();
  const held = await acquireLock(target, key, claim(), isAlive, signal);
  const second = acquireLock(target, key, claim({ run: 'run-2' }), isAlive, signal);
  await expect(second).rejects.toMatchObject({
    code: 'locked',
    message: 'memory:lock is locked by run run-1 on box (process 42, since 2026-11-20T02:00:00.000Z)',
  });
  await releaseLock(target, held, signal);
  await releaseLock(target, held, signal);
  expect(await keys(target, signal)).toEqual([]);
  await acquireLock(target, key, claim({ run: 'run-2' }), isAlive, signal);
});

test("letting go leaves somebody else's lock alone", async ({ signal }) => {
  const target = fresh();
  const held = await acquireLock(target, key, claim(), isAlive, signal);
  await target.remove(key, signal);
  await acquireLock(target, key, claim({ run: 'run-2' }), isAlive, signal);
  await releaseLock(target, held, signal);
  expect(await holder(target, signal)).toMatchObject({ run: 'run-2' });
});

/** A target in which others come in between at every call. */
function slow(target: Target): Target {
  const turn = async <T>(work: () => Promise<T>) => {
    for (let pause = Math.floor(Math.random() * 4); pause > 0; pause -= 1) await new Promise(setImmediate);
    return work();
  };
  return {
    ...target,
    put: (...args) => turn(() => target.put(...args)),
    remove: (...args) => turn(() => target.remove(...args)),
    async *get(...args) {
      yield* await turn(async () => target.get(...args));
    },
  };
}

const lefts: readonly [string, number | undefined][] = [
  ['a free lock', undefined],
  ['the lock of a dead process', DEAD],
];
test.for(lefts)('of many claimants of %s exactly one gets it', async ([, left], { signal }) => {
  for (let round = 0; round < 30; round += 1) {
    const target = slow(fresh());
    if (left !== undefined) await acquireLock(target, key, claim({ pid: left, run: 'left' }), isAlive, signal);
    const claims = Array.from({ length: 8 }, (_, index) => claim({ pid: 100 + index, run: `run-${index}` }));
    const results = await Promise.allSettled(claims.map((one) => acquireLock(target, key, one, isAlive, signal)));
    const won = results.filter((result): result is PromiseFulfilledResult<Held> => result.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'locked' });
    expect(await holder(target, signal)).toMatchObject({ id: won[0]?.value.id });
    expect(await keys(target, signal)).toEqual([key]);
  }
});

test.for<[string, Parameters<typeof claim>[0], boolean]>([
  ['died', { pid: DEAD }, true],
  ['lives', {}, false],
  ['died with the boot before this one', { bootId: 'earlier' }, true],
  ['is on another machine', { machineId: 'other', bootId: 'other', pid: DEAD }, false],
  ['died on this machine, which has no id', { machineId: undefined, pid: DEAD }, true],
  ['is on a machine without an id and with another boot', { machineId: undefined, bootId: 'other', pid: DEAD }, false],
  ['is in another container of this machine', { pidNamespace: 'pid:[9]', pid: DEAD }, false],
  ['says nothing of its boot', { bootId: undefined, pid: DEAD }, false],
])('a lock whose holder %s', async ([, who, isTaken], { signal }) => {
  const target = fresh();
  await acquireLock(target, key, claim({ run: 'left', ...who }), isAlive, signal);
  const ours = claim({ run: 'ours', ...(who && 'machineId' in who && !who.bootId ? { machineId: undefined } : {}) });
  const taken = acquireLock(target, key, ours, isAlive, signal);
  if (isTaken) await taken;
  else await expect(taken).rejects.toMatchObject({ code: 'locked' });
  expect(await holder(target, signal)).toMatchObject({ run: isTaken ? 'ours' : 'left' });
});

test('one who died while breaking a lock keeps nobody from breaking it; one who is at it does', async ({ signal }) => {
  const target = fresh();
  const { id } = await acquireLock(target, key, claim({ pid: DEAD }), isAlive, signal);
  const breaking = `${key}.broken-${id}`;
  const atIt = await acquireLock(target, breaking, claim({ run: 'at it' }), isAlive, signal);
  await expect(acquireLock(target, key, claim(), isAlive, signal)).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringContaining('run at it'),
  });
  await releaseLock(target, atIt, signal);
  await acquireLock(target, breaking, claim({ pid: DEAD }), isAlive, signal);
  await acquireLock(target, key, claim({ run: 'ours' }), isAlive, signal);
  expect(await keys(target, signal)).toEqual([key]);
  expect(await holder(target, signal)).toMatchObject({ run: 'ours' });
});

test('one that goes while it is looked at is tried for again', async ({ signal }) => {
  const target = fresh();
  await acquireLock(target, key, claim(), isAlive, signal);
  const going: Target = {
    ...target,
    async *get(one, range, stop) {
      await target.remove(key, stop);
      yield* target.get(one, range, stop);
    },
  };
  await acquireLock(going, key, claim({ run: 'ours' }), isAlive, signal);
  expect(await holder(target, signal)).toMatchObject({ run: 'ours' });
});

test('one that changes hands all the time is given up, and may be tried again', async ({ signal }) => {
  const target = fresh();
  const changing: Target = {
    ...target,
    put: async () => {
      throw new LifeboatError('exists', 'taken');
    },
  };
  await expect(acquireLock(changing, key, claim(), isAlive, signal)).rejects.toMatchObject({
    code: 'locked',
    retryable: true,
  });
});

test('an unreadable lock is not broken', async ({ signal }) => {
  const target = fresh();
  for (const text of ['', 'half', '{"format":"lifeboat.lock/2"}']) {
    await target.put(key, Buffer.from(text), {}, signal);
    const taken = acquireLock(target, key, claim(), isAlive, signal);
    await expect(taken).rejects.toMatchObject({ code: 'locked', hint: expect.stringContaining('remove that object') });
  }
});

test('what the target fails with comes out', async ({ signal }) => {
  const full: Target = {
    ...fresh(),
    put: async () => {
      throw new LifeboatError('no-space', 'full');
    },
  };
  await expect(acquireLock(full, key, claim(), isAlive, signal)).rejects.toMatchObject({ code: 'no-space' });
});

test('what was left by one that died while it broke a lock is swept, and nothing else', async ({ signal }) => {
  const target = fresh();
  await acquireLock(target, `${key}.broken-0123456789abcdef`, claim({ pid: DEAD }), isAlive, signal);
  await target.put('lifeboat/box/points/p1.zst', Buffer.from('x'), {}, signal);
  await acquireLock(target, key, claim(), isAlive, signal);
  await sweepBreaking(target, key, signal);
  expect(await keys(target, signal)).toEqual([key, 'lifeboat/box/points/p1.zst']);
});
