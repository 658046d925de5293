import { deepEqual, equal, rejects } from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Target } from '../target.ts';
import { holds, holdsNothing, keysBelow, read, rejectsWith, sampleBytes, type TargetCase } from './case.ts';

const MiB = 1024 * 1024;

/** Fails a `put` that replaces and one that does not, and looks at what is left. */
async function leavesOld(
  target: Target,
  at: string,
  signal: AbortSignal,
  fail: (key: string) => Promise<void>,
): Promise<void> {
  const old = sampleBytes(5000, 7);
  await target.put(`${at}/old`, old, {}, signal);
  await fail(`${at}/old`);
  await holds(target, `${at}/old`, old, signal);
  await fail(`${at}/new`);
  await holdsNothing(target, `${at}/new`, signal);
  deepEqual(await keysBelow(target, at, signal), [`${at}/old`]);
}

export const failing: readonly TargetCase[] = [
  {
    name: 'leaves the old object when the body throws, and gives its error as it is',
    needs: ['atomicPut', 'replace'],
    async run(target, at, signal) {
      for (const size of [0, 1, 2 * MiB]) {
        await leavesOld(target, `${at}/${size}`, signal, async (key) => {
          const broken = new Error('the disk that is backed up is broken');
          await rejects(
            () => target.put(key, throwing(size, broken), {}, signal),
            (error: unknown) => {
              equal(error, broken);
              return true;
            },
          );
        });
      }
    },
  },
  {
    name: 'leaves the old object when aborted between two chunks',
    needs: ['atomicPut', 'replace'],
    async run(target, at, signal) {
      await leavesOld(target, at, signal, async (key) => {
        const abort = new AbortController();
        const both = AbortSignal.any([signal, abort.signal]);
        await rejectsWith('interrupted', () => target.put(key, endless(abort), {}, both));
      });
    },
  },
  {
    name: 'ends when aborted while the body hangs',
    needs: ['atomicPut', 'replace'],
    async run(target, at, signal) {
      await leavesOld(target, at, signal, async (key) => {
        const abort = new AbortController();
        const both = AbortSignal.any([signal, abort.signal]);
        await rejectsWith('interrupted', () => target.put(key, hanging(abort), {}, both));
      });
    },
  },
  {
    name: 'reports the reason of an abort',
    async run(target, at) {
      const signal = AbortSignal.abort(new LifeboatError('step-timeout', 'the step took too long'));
      await rejectsWith('step-timeout', () => target.put(`${at}/object`, sampleBytes(1), {}, signal));
      await rejectsWith('step-timeout', () => read(target, `${at}/object`, undefined, signal));
      await rejectsWith('step-timeout', () => target.stat(`${at}/object`, signal));
      await rejectsWith('step-timeout', () => keysBelow(target, at, signal));
      await rejectsWith('step-timeout', () => target.remove(`${at}/object`, signal));
    },
  },
  {
    name: 'stops a get that is aborted, and one that is left',
    async run(target, at, signal) {
      const bytes = sampleBytes(5 * MiB);
      await target.put(`${at}/object`, bytes, {}, signal);
      const abort = new AbortController();
      await rejectsWith('interrupted', async () => {
        for await (const _ of target.get(`${at}/object`, undefined, AbortSignal.any([signal, abort.signal]))) {
          abort.abort();
        }
      });
      for await (const _ of target.get(`${at}/object`, undefined, signal)) break;
      await holds(target, `${at}/object`, bytes, signal);
    },
  },
];

async function* throwing(size: number, error: Error): AsyncIterable<Uint8Array> {
  if (size > 0) yield sampleBytes(size);
  throw error;
}

/** A body without an end that is aborted from outside on its way. */
async function* endless(abort: AbortController): AsyncIterable<Uint8Array> {
  const part = sampleBytes(64 * 1024);
  for (let chunk = 0; ; chunk += 1) {
    // Waiting lets the timers run, as a body that reads from somewhere would.
    await turn();
    if (chunk === 5) abort.abort();
    if (chunk === 1000) throw new Error('the target goes on after the abort');
    yield part;
  }
}

async function* hanging(abort: AbortController): AsyncIterable<Uint8Array> {
  yield sampleBytes(64 * 1024);
  setTimeout(() => abort.abort(), 20);
  await new Promise<never>(() => undefined);
}
