import { expect, test } from 'vitest';
import { faultyTarget, flaky, fullAfter, type TargetFault } from '../../../test/fault/faulty-target.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { keysBelow, read, sampleBytes } from '../conformance/case.ts';
import { memoryTarget } from '../memory/memory.ts';
import type { Target, TargetTraits } from '../target.ts';
import { type TargetRetry, withRetry } from './retry.ts';

const policy = { attempts: 3, delayMs: 1, maxDelayMs: 1 };
const bytes = sampleBytes(300_000);

function setUp(script: readonly TargetFault[], traits: Partial<TargetTraits> = {}) {
  const memory = memoryTarget('retry', new Map());
  const base: Target = { ...memory, traits: { ...memory.traits, ...traits } };
  const faulty = faultyTarget(base, script);
  const retries: TargetRetry[] = [];
  return { memory, faulty, retries, target: withRetry(faulty, policy, (event) => retries.push(event)) };
}

async function* stream(): AsyncIterable<Uint8Array> {
  yield bytes.subarray(0, 1000);
  yield bytes.subarray(1000);
}

test('tells about each retry', async ({ signal }) => {
  const { target, retries } = setUp([{ verb: 'stat', times: 2, does: { fail: flaky('reset') } }]);
  await target.stat('a', signal);
  expect(retries).toMatchObject([
    { verb: 'stat', key: 'a', attempt: 2, error: { message: 'reset' } },
    { verb: 'stat', key: 'a', attempt: 3 },
  ]);
});

test('gives up after the attempts of the policy, and at once for an error that stays', async ({ signal }) => {
  const { target, faulty } = setUp([
    { verb: 'remove', times: 9, does: { fail: flaky() } },
    { verb: 'list', times: 9, does: { fail: new LifeboatError('permission-denied', 'no') } },
  ]);
  await expect(target.remove('a', signal)).rejects.toMatchObject({ code: 'unreachable' });
  expect(faulty.calls('remove')).toBe(3);
  await expect(keysBelow(target, '', signal)).rejects.toMatchObject({ code: 'permission-denied' });
  expect(faulty.calls('list')).toBe(1);
});

test('goes on reading where it stopped, counting attempts anew after progress', async ({ signal }) => {
  const { target, memory, faulty } = setUp(
    Array.from({ length: 4 }, (_, index) => ({
      verb: 'get' as const,
      call: index + 1,
      does: { cutAfter: 65_536, fail: flaky() },
    })),
  );
  await memory.put('a', bytes, {}, signal);
  expect((await read(target, 'a', undefined, signal)).equals(bytes)).toBe(true);
  expect(faulty.calls('get')).toBe(5);
  expect((await read(target, 'a', { offset: 7, length: 99_999 }, signal)).equals(bytes.subarray(7, 100_006))).toBe(
    true,
  );
});

test('never mixes two objects', async ({ signal }) => {
  const { target, memory } = setUp([{ verb: 'get', does: { cutAfter: 65_536, fail: flaky() } }]);
  await memory.put('a', bytes, {}, signal);
  await expect(async () => {
    for await (const _ of target.get('a', undefined, signal)) await memory.put('a', sampleBytes(5), {}, signal);
  }).rejects.toMatchObject({ code: 'target-failed' });
});

test('never mixes two objects, whenever in a retry the other one comes', async ({ signal }) => {
  const other = sampleBytes(400_000, 2);
  for (let moment = 1; moment <= 6; moment += 1) {
    const memory = memoryTarget('retry', new Map());
    await memory.put('a', bytes, {}, signal);
    const faulty = faultyTarget(memory, [{ verb: 'get', does: { cutAfter: 100_000, fail: flaky() } }]);
    let calls = 0;
    // The call is made, and only then is the object replaced: what a slow reader and a quick writer may do.
    const counted = async () => {
      calls += 1;
      if (calls === moment) await memory.put('a', other, {}, signal);
    };
    const base: Target = {
      ...faulty,
      stat: async (key, inner) => {
        const found = await faulty.stat(key, inner);
        await counted();
        return found;
      },
      get: async function* (key, range, inner) {
        await counted();
        yield* faulty.get(key, range, inner);
      },
    };
    const result = await read(
      withRetry(base, policy, () => undefined),
      'a',
      undefined,
      signal,
    ).catch(() => undefined);
    if (result !== undefined)
      expect(
        [bytes, other].some((version) => version.equals(result)),
        `${moment}`,
      ).toBe(true);
  }
});

test('without ranges it retries a get only before the first byte', async ({ signal }) => {
  const script = [
    { verb: 'get', does: { fail: flaky() } },
    { verb: 'get', call: 3, does: { cutAfter: 10, fail: flaky() } },
  ] as const;
  const { target, memory, faulty } = setUp(script, { ranges: false });
  await memory.put('a', bytes, {}, signal);
  expect((await read(target, 'a', undefined, signal)).equals(bytes)).toBe(true);
  await expect(read(target, 'a', undefined, signal)).rejects.toMatchObject({ code: 'unreachable' });
  expect([faulty.calls('get'), faulty.calls('stat')]).toEqual([3, 0]);
});

test('lists each object once although the list began again', async ({ signal }) => {
  const { target, memory } = setUp([{ verb: 'list', times: 2, does: { lostAnswer: flaky() } }]);
  for (const key of ['a', 'b', 'c']) await memory.put(key, bytes, {}, signal);
  expect(await keysBelow(target, '', signal)).toEqual(['a', 'b', 'c']);
});

test('stores bytes again, and a stream only while nothing was read from it', async ({ signal }) => {
  const { target, faulty } = setUp([
    { verb: 'put', does: { cutAfter: 10, fail: flaky() } },
    { verb: 'put', call: 3, does: { fail: flaky() } },
    { verb: 'put', call: 5, does: { cutAfter: 10, fail: flaky() } },
  ]);
  await target.put('bytes', bytes, {}, signal);
  await target.put('stream', stream(), {}, signal);
  expect((await read(target, 'stream', undefined, signal)).equals(bytes)).toBe(true);
  await expect(target.put('other', stream(), {}, signal)).rejects.toMatchObject({ code: 'unreachable' });
  expect(faulty.calls('put')).toBe(5);
  expect(await target.stat('other', signal)).toBeUndefined();
});

test('knows its own object when the answer to an exclusive put was lost', async ({ signal }) => {
  const { target, memory } = setUp([{ verb: 'put', times: 1, does: { lostAnswer: flaky() } }]);
  expect(await target.put('lock', bytes, { ifAbsent: true }, signal)).toEqual({ size: bytes.length });
  await expect(target.put('lock', bytes, { ifAbsent: true }, signal)).rejects.toMatchObject({ code: 'exists' });

  const other = setUp([{ verb: 'put', does: { fail: flaky() } }]);
  await other.memory.put('lock', sampleBytes(bytes.length, 2), {}, signal);
  await expect(other.target.put('lock', bytes, { ifAbsent: true }, signal)).rejects.toMatchObject({ code: 'exists' });
  expect(await memory.stat('lock', signal)).toBeDefined();
});

test('a full storage is no reason to try again', async ({ signal }) => {
  const { target, faulty } = setUp([{ verb: 'put', times: 9, does: fullAfter(100) }]);
  await expect(target.put('a', bytes, {}, signal)).rejects.toMatchObject({ code: 'no-space' });
  expect(faulty.calls('put')).toBe(1);
});

test('a call that hangs ends with the signal', async ({ signal }) => {
  const { target } = setUp([{ verb: 'stat', times: 9, does: { hang: true } }]);
  await expect(target.stat('a', AbortSignal.any([signal, AbortSignal.timeout(10)]))).rejects.toMatchObject({
    code: 'interrupted',
  });
});
