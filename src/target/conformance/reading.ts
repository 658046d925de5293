import { deepEqual, ok } from 'node:assert/strict';
import { holds, holdsNothing, keysBelow, read, rejectsWith, sampleBytes, type TargetCase } from './case.ts';

const MiB = 1024 * 1024;

/** Keys and prefixes that no target takes. */
const illegal = ['', '/a', 'a/', 'a//b', '..', 'a/../b', '.', '.a', 'a/.b', 'a\0b', 'a b', 'ä', 'a\\b'];
const tooLong = ['x'.repeat(201), Array.from({ length: 129 }, () => 'seven77').join('/')];

export const reading: readonly TargetCase[] = [
  ...[0, 1, 5 * MiB].map(
    (size): TargetCase => ({
      name: `stores ${size} bytes and gives them back`,
      async run(target, at, signal) {
        const bytes = sampleBytes(size);
        deepEqual(await target.put(`${at}/object`, bytes, {}, signal), { size });
        await holds(target, `${at}/object`, bytes, signal);
      },
    }),
  ),
  {
    name: 'stores a stream of chunks of any size, the buffer of which is used again',
    async run(target, at, signal) {
      const bytes = sampleBytes(MiB);
      async function* body() {
        const reused = Buffer.alloc(256 * 1024);
        for (let from = 0, size = 1; from < bytes.length; from += size, size = (size * 7) % reused.length) {
          const part = bytes.copy(reused, 0, from, Math.min(from + size, bytes.length));
          yield reused.subarray(0, part);
          reused.fill(0);
        }
      }
      deepEqual(await target.put(`${at}/object`, body(), {}, signal), { size: bytes.length });
      await holds(target, `${at}/object`, bytes, signal);
    },
  },
  {
    name: 'keeps every value of a byte',
    async run(target, at, signal) {
      const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
      await target.put(`${at}/object`, bytes, {}, signal);
      await holds(target, `${at}/object`, bytes, signal);
    },
  },
  {
    name: 'gives chunks that the reader may change',
    async run(target, at, signal) {
      const bytes = sampleBytes(1000);
      await target.put(`${at}/object`, bytes, {}, signal);
      for await (const chunk of target.get(`${at}/object`, undefined, signal)) chunk.fill(0);
      await holds(target, `${at}/object`, bytes, signal);
    },
  },
  {
    name: 'says in stat when an object arrived',
    async run(target, at, signal) {
      await target.put(`${at}/object`, sampleBytes(1), {}, signal);
      const info = await target.stat(`${at}/object`, signal);
      // The clock of the storage is its own; within a day says that it is one, and counts milliseconds.
      ok(Math.abs((info?.mtimeMs ?? 0) - Date.now()) < 86_400_000, `arrived at ${info?.mtimeMs}`);
    },
  },
  {
    name: 'finds nothing where nothing is',
    async run(target, at, signal) {
      await holdsNothing(target, `${at}/object`, signal);
      await target.put(`${at}/object`, sampleBytes(1), {}, signal);
      await holdsNothing(target, `${at}/object/below`, signal);
      await holdsNothing(target, `${at}/objec`, signal);
    },
  },
  {
    name: 'says only while reading that an object is missing',
    async run(target, at, signal) {
      const chunks = target.get(`${at}/object`, undefined, signal);
      await rejectsWith('not-found', async () => {
        for await (const chunk of chunks) ok(chunk);
      });
    },
  },
  {
    name: 'lists by whole segments',
    async run(target, at, signal) {
      const keys = ['a/b/one', 'a/b/two', 'a/b/c/three', 'a/bc/four', 'a/b-', 'd'].map((key) => `${at}/${key}`);
      for (const key of keys) await target.put(key, sampleBytes(3), {}, signal);
      deepEqual(await keysBelow(target, `${at}/a/b`, signal), [keys[2], keys[0], keys[1]]);
      deepEqual(await keysBelow(target, at, signal), [...keys].sort());
      deepEqual(await keysBelow(target, `${at}/a/b/one`, signal), []);
      const all = await keysBelow(target, '', signal);
      deepEqual(
        all.filter((key) => key.startsWith(`${at}/`)),
        [...keys].sort(),
      );
    },
  },
  {
    name: 'lists nothing where nothing is',
    async run(target, at, signal) {
      deepEqual(await keysBelow(target, at, signal), []);
    },
  },
  {
    name: 'reads parts, also at the end and empty ones',
    needs: ['ranges'],
    async run(target, at, signal) {
      const bytes = sampleBytes(3 * MiB + 5);
      await target.put(`${at}/object`, bytes, {}, signal);
      const parts = [
        [0, 1],
        [1, MiB],
        [MiB - 1, MiB + 2],
        [bytes.length - 1, 1],
        [0, bytes.length],
        [bytes.length, 0],
        [7, 0],
      ] as const;
      for (const [offset, length] of parts) {
        const part = await read(target, `${at}/object`, { offset, length }, signal);
        ok(part.equals(bytes.subarray(offset, offset + length)), `bytes ${offset}+${length} are others`);
      }
    },
  },
  {
    name: 'refuses parts beyond the end',
    needs: ['ranges'],
    async run(target, at, signal) {
      await target.put(`${at}/object`, sampleBytes(10), {}, signal);
      for (const [offset, length] of [
        [0, 11],
        [10, 1],
        [11, 0],
        [-1, 1],
        [0, 0.5],
        [0, -1],
      ] as const) {
        await rejectsWith('usage', () => read(target, `${at}/object`, { offset, length }, signal));
      }
      await rejectsWith('not-found', () => read(target, `${at}/other`, { offset: 0, length: 1 }, signal));
    },
  },
  {
    name: 'refuses keys that not every target could store',
    async run(target, at, signal) {
      for (const bad of [...illegal, ...illegal.map((key) => `${at}/${key}`), ...tooLong]) {
        await rejectsWith('usage', () => target.put(bad, sampleBytes(1), {}, signal));
        await rejectsWith('usage', () => read(target, bad, undefined, signal));
        await rejectsWith('usage', () => target.stat(bad, signal));
        await rejectsWith('usage', () => target.remove(bad, signal));
        if (bad !== '') await rejectsWith('usage', () => keysBelow(target, bad, signal));
      }
      deepEqual(await keysBelow(target, at, signal), []);
    },
  },
];
