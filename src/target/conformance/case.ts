import { deepEqual, ok, rejects } from 'node:assert/strict';
import { type ErrorCode, LifeboatError } from '../../kernel/errors.ts';
import type { Range, Target } from '../target.ts';

/** What not every target can do; a case that needs it is skipped where it is missing. */
export type Ability = 'atomicPut' | 'exclusivePut' | 'ranges' | 'replace' | 'parallel';

export interface TargetCase {
  readonly name: string;
  readonly needs?: readonly Ability[];
  /** @param at a prefix below which nothing is stored yet */
  run(target: Target, at: string, signal: AbortSignal): Promise<void>;
}

/** Bytes that differ for each seed and repeat only after long. */
export function sampleBytes(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = seed;
  for (let index = 0; index < size; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export async function read(
  target: Target,
  key: string,
  range: Range | undefined,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of target.get(key, range, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function keysBelow(target: Target, prefix: string, signal: AbortSignal): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of target.list(prefix, signal)) keys.push(key);
  return keys.sort();
}

/** The object is whole: its bytes, its size in `stat`, and its place in `list`. */
export async function holds(target: Target, key: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const found = await read(target, key, undefined, signal);
  ok(found.equals(bytes), `${key} holds ${found.length} bytes, which are not the ${bytes.length} that were stored`);
  deepEqual((await target.stat(key, signal))?.size, bytes.length);
  const entries: number[] = [];
  for await (const entry of target.list(key.slice(0, key.lastIndexOf('/')), signal)) {
    if (entry.key === key) entries.push(entry.size);
  }
  deepEqual(entries, [bytes.length], `${key} is not listed once with its size`);
}

/** Nothing stands under the key, in any of the ways to look. */
export async function holdsNothing(target: Target, key: string, signal: AbortSignal): Promise<void> {
  deepEqual(await target.stat(key, signal), undefined);
  const keys = await keysBelow(target, key.slice(0, key.lastIndexOf('/')), signal);
  ok(!keys.includes(key), `${key} is listed`);
  await rejectsWith('not-found', () => read(target, key, undefined, signal));
}

export async function rejectsWith(code: ErrorCode, work: () => Promise<unknown>): Promise<void> {
  await rejects(work, (error: unknown) => {
    ok(error instanceof LifeboatError, `not a LifeboatError: ${String(error)}`);
    deepEqual(error.code, code, error.message);
    return true;
  });
}
