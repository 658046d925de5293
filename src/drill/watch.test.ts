import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { sleep } from '../kernel/wait.ts';
import type { QmpEvent } from '../qemu/qmp.ts';
import { type Limits, watched, whileAnswering } from './watch.ts';

const never = new AbortController().signal;
const wide: Limits = {
  wholeMs: 600_000,
  serialBytes: 1000,
  images: { directory: tmpdir(), reserveBytes: 0 },
  everyMs: 5,
};

function machine(said = '') {
  const listeners: ((event: QmpEvent) => void)[] = [];
  const onEvent = (listener: (event: QmpEvent) => void) => {
    listeners.push(listener);
    return () => void listeners.splice(listeners.indexOf(listener), 1);
  };
  return { serial: { text: () => said }, qmp: { onEvent }, listeners };
}

const ended = async (signal: AbortSignal): Promise<unknown> => {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return signal.reason;
};

describe('a drill is ended', () => {
  test.for([
    ['when its time is over', machine(), { wholeMs: 10 }, 'machine-timeout', /did not end within/],
    ['where it prints without end', machine('x'.repeat(2000)), {}, 'machine-failed', /without end/],
    [
      'where its kernel crashes',
      machine('[    1.23] Run /init\n[    4.56] Kernel panic - not syncing: VFS: \u001b no root\nmore\n'),
      {},
      'machine-failed',
      /crashed: Kernel panic - not syncing: VFS: \S+ no root$/,
    ],
    [
      'where it fills the host',
      machine(),
      { images: { directory: tmpdir(), reserveBytes: Number.MAX_SAFE_INTEGER } },
      'no-space',
      /have to stay free/,
    ],
  ] as const)('%s', async ([, its, own, code, message]) => {
    using watch = watched(its, { ...wide, ...own }, never);
    expect(await ended(watch.signal)).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('where QEMU tells of a crash, at once', async () => {
    const its = machine('[ 1.0] last words\n');
    using watch = watched(its, { ...wide, everyMs: 600_000 }, never);
    for (const listener of its.listeners) listener({ name: 'GUEST_PANICKED', data: {} });
    expect(await ended(watch.signal)).toMatchObject({
      code: 'machine-failed',
      message: expect.stringMatching(/crashed: it says no more/),
    });
  });

  test('by nothing else, and nobody listens afterwards', async () => {
    const its = machine('somebody writes of a Kernel panic - not syncing\n');
    {
      using watch = watched(its, wide, never);
      await sleep(50, never);
      expect(watch.signal.aborted).toBe(false);
    }
    expect(its.listeners).toEqual([]);
  });
});

/** @param answers whether the machine answers at all */
function host(answers: boolean): Host {
  const unused = (): never => {
    throw new Error('not asked for');
  };
  return {
    name: 'machine',
    run: async (_argv, { timeoutMs = 0 }, signal) => {
      if (answers) return { code: 0, stdout: Buffer.alloc(0), stderr: '' };
      await sleep(timeoutMs, signal);
      throw new LifeboatError('command-timeout', 'true did not end');
    },
    stream: unused,
    read: unused,
    write: unused,
    [Symbol.asyncDispose]: async () => {},
  };
}

describe('what may take any time', () => {
  test('is given up where the machine hangs', async () => {
    const work = async (signal: AbortSignal) => await sleep(600_000, signal);
    const given = whileAnswering(host(false), work, never, { everyMs: 5, patienceMs: 20 });
    await expect(given).rejects.toMatchObject({ code: 'machine-timeout', message: expect.stringMatching(/hangs/) });
  });

  test('and only there', async () => {
    const work = async (signal: AbortSignal) => {
      await sleep(100, signal);
      return 'done';
    };
    expect(await whileAnswering(host(true), work, never, { everyMs: 5, patienceMs: 20 })).toBe('done');
    const failing = async () => {
      throw new LifeboatError('failed', 'by itself');
    };
    await expect(whileAnswering(host(true), failing, never)).rejects.toMatchObject({ message: 'by itself' });
  });
});
