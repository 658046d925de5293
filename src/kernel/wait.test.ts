import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { LifeboatError } from './errors.ts';
import { abortError, limited, raceAbort, retry, sleep, throwIfAborted } from './wait.ts';

const never = new AbortController().signal;
const policy = { attempts: 3, delayMs: 1, maxDelayMs: 2 };

/** Rejections that nobody handled while `work` ran and a little longer. */
async function unhandledDuring(work: () => Promise<unknown>): Promise<unknown[]> {
  const seen: unknown[] = [];
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  const listener = (reason: unknown) => seen.push(reason);
  process.on('unhandledRejection', listener);
  try {
    await work();
    await delay(10);
  } finally {
    process.off('unhandledRejection', listener);
    for (const other of listeners) process.on('unhandledRejection', other);
  }
  return seen;
}

afterEach(() => {
  vi.useRealTimers();
});

test('the reason of an abort is one of our errors', () => {
  const ours = new LifeboatError('step-timeout', 'late');
  expect(abortError(AbortSignal.abort(ours))).toBe(ours);
  expect(abortError(AbortSignal.abort())).toMatchObject({ code: 'interrupted' });
  expect(abortError(AbortSignal.abort('x'))).toMatchObject({ code: 'interrupted', cause: 'x' });
  expect(() => throwIfAborted(AbortSignal.abort(ours))).toThrow(ours);
  expect(() => throwIfAborted(never)).not.toThrow();
});

test('sleep ends early with the reason of the abort', async () => {
  await sleep(1, never);
  const controller = new AbortController();
  const sleeping = sleep(60_000, controller.signal);
  const reason = new LifeboatError('locked', 'x');
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  await expect(sleep(60_000, controller.signal)).rejects.toBe(reason);
});

test('a limited signal follows its parent and its clock', () => {
  vi.useFakeTimers();
  const parent = new AbortController();
  const late = () => new LifeboatError('step-timeout', 'late');
  {
    using limit = limited(parent.signal, 1000, late);
    vi.advanceTimersByTime(999);
    expect(limit.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(limit.signal.reason).toMatchObject({ code: 'step-timeout' });
  }
  {
    using limit = limited(parent.signal, 1000, late);
    parent.abort(new LifeboatError('interrupted', 'x'));
    expect(limit.signal.reason).toMatchObject({ code: 'interrupted' });
  }
  expect(vi.getTimerCount()).toBe(0);
});

test('a limit longer than a timer can be does not strike at once', async () => {
  using limit = limited(never, 60 * 86_400_000, () => new LifeboatError('step-timeout', 'late'));
  await delay(20);
  expect(limit.signal.aborted).toBe(false);
});

test('raceAbort: the outcome of the work, or of the abort if that comes first', async () => {
  await expect(raceAbort(Promise.resolve(5), never)).resolves.toBe(5);
  await expect(raceAbort(Promise.reject(new Error('x')), never)).rejects.toThrow('x');
  const controller = new AbortController();
  const racing = raceAbort(new Promise(() => {}), controller.signal);
  controller.abort();
  await expect(racing).rejects.toMatchObject({ code: 'interrupted' });
  await expect(raceAbort(Promise.resolve(5), controller.signal)).rejects.toMatchObject({ code: 'interrupted' });
});

test('raceAbort handles what the work throws after it was given up', async () => {
  const failing = async () => {
    await delay(1);
    throw new Error('later');
  };
  const aborted = AbortSignal.abort();
  expect(await unhandledDuring(() => raceAbort(failing(), aborted).catch(() => {}))).toEqual([]);
  const controller = new AbortController();
  const during = () => {
    const racing = raceAbort(failing(), controller.signal).catch(() => {});
    controller.abort();
    return racing;
  };
  expect(await unhandledDuring(during)).toEqual([]);
});

test('retry: until it works', async () => {
  const told: number[] = [];
  const result = await retry(
    policy,
    async (attempt) => {
      if (attempt < 3) throw new LifeboatError('unreachable', 'x', { retryable: true });
      return attempt;
    },
    (_error, attempt) => told.push(attempt),
    never,
  );
  expect(result).toBe(3);
  expect(told).toEqual([2, 3]);
});

test.each([
  ['not worth another try', new LifeboatError('refused', 'x'), 1],
  ['a bug', new TypeError('x'), 1],
  ['out of attempts', new LifeboatError('unreachable', 'x', { retryable: true }), 3],
  ['a retryable system error', Object.assign(new Error('x'), { code: 'ECONNRESET' }), 3],
])('retry gives the error as it is: %s', async (_name, error, attempts) => {
  const work = vi.fn(() => Promise.reject(error));
  await expect(retry(policy, work, () => {}, never)).rejects.toBe(error);
  expect(work).toHaveBeenCalledTimes(attempts);
});

test('an abort ends the pause between attempts', async () => {
  const controller = new AbortController();
  const work = vi.fn(() => Promise.reject(new LifeboatError('unreachable', 'x', { retryable: true })));
  const trying = retry(
    { ...policy, delayMs: 60_000, maxDelayMs: 60_000 },
    work,
    () => controller.abort(),
    controller.signal,
  );
  await expect(trying).rejects.toMatchObject({ code: 'interrupted' });
  expect(work).toHaveBeenCalledTimes(1);
  await expect(retry(policy, work, () => {}, controller.signal)).rejects.toMatchObject({ code: 'interrupted' });
  expect(work).toHaveBeenCalledTimes(1);
});
