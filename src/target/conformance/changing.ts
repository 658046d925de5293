import { deepEqual, ok } from 'node:assert/strict';
import { asLifeboatError } from '../../kernel/errors.ts';
import { holds, holdsNothing, keysBelow, read, rejectsWith, sampleBytes, type TargetCase } from './case.ts';

export const changing: readonly TargetCase[] = [
  {
    name: 'replaces an object by a longer and by a shorter one',
    needs: ['replace'],
    async run(target, at, signal) {
      for (const size of [1000, 100_000, 10, 0]) {
        const bytes = sampleBytes(size, size + 1);
        await target.put(`${at}/object`, bytes, {}, signal);
        await holds(target, `${at}/object`, bytes, signal);
      }
    },
  },
  {
    name: 'stores under a free key with ifAbsent, and not under a taken one',
    needs: ['exclusivePut'],
    async run(target, at, signal) {
      const bytes = sampleBytes(100);
      await target.put(`${at}/object`, bytes, { ifAbsent: true }, signal);
      await rejectsWith('exists', () => target.put(`${at}/object`, sampleBytes(9), { ifAbsent: true }, signal));
      await holds(target, `${at}/object`, bytes, signal);
    },
  },
  {
    name: 'lets one of many concurrent writers with ifAbsent win',
    needs: ['exclusivePut', 'parallel'],
    async run(target, at, signal) {
      const writers = Math.min(8, target.traits.connections);
      const bodies = Array.from({ length: writers }, (_, index) => sampleBytes(50_000, index + 1));
      const started = Promise.withResolvers<void>();
      const results = Promise.allSettled(
        bodies.map((bytes) => target.put(`${at}/object`, waiting(bytes, started.promise), { ifAbsent: true }, signal)),
      );
      started.resolve();
      const settled = await results;
      const winners = bodies.filter((_, index) => settled[index]?.status === 'fulfilled');
      deepEqual(winners.length, 1, 'not exactly one writer won');
      for (const result of settled) {
        if (result.status === 'rejected') deepEqual(asLifeboatError(result.reason).code, 'exists');
      }
      ok(winners[0]);
      await holds(target, `${at}/object`, winners[0], signal);
    },
  },
  {
    name: 'removes an object, and one that is not there too',
    needs: ['replace'],
    async run(target, at, signal) {
      await target.remove(`${at}/object`, signal);
      await target.put(`${at}/object`, sampleBytes(10), {}, signal);
      await target.put(`${at}/other`, sampleBytes(10, 2), {}, signal);
      await target.remove(`${at}/object`, signal);
      await target.remove(`${at}/object`, signal);
      await holdsNothing(target, `${at}/object`, signal);
      await holds(target, `${at}/other`, sampleBytes(10, 2), signal);
    },
  },
  {
    name: 'stores again what was removed',
    needs: ['replace'],
    async run(target, at, signal) {
      for (const seed of [1, 2]) {
        await target.put(`${at}/deep/er/object`, sampleBytes(10, seed), {}, signal);
        await holds(target, `${at}/deep/er/object`, sampleBytes(10, seed), signal);
        await target.remove(`${at}/deep/er/object`, signal);
        await holdsNothing(target, `${at}/deep/er/object`, signal);
      }
    },
  },
  {
    name: 'lists each of a thousand objects once',
    async run(target, at, signal) {
      const keys = Array.from({ length: 1000 }, (_, index) => `${at}/${index % 16}/${index}`);
      const waiting = [...keys];
      const worker = async () => {
        for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
          await target.put(key, Buffer.from(key), {}, signal);
        }
      };
      const workers = target.traits.sequential ? 1 : Math.min(8, target.traits.connections);
      await Promise.all(Array.from({ length: workers }, worker));
      deepEqual(await keysBelow(target, at, signal), keys.sort());
    },
  },
  {
    name: 'takes as many calls at once as it says',
    needs: ['parallel'],
    async run(target, at, signal) {
      const bodies = Array.from({ length: target.traits.connections }, (_, index) => sampleBytes(20_000, index + 1));
      await Promise.all(bodies.map((bytes, index) => target.put(`${at}/${index}`, bytes, {}, signal)));
      await Promise.all(bodies.map((bytes, index) => holds(target, `${at}/${index}`, bytes, signal)));
    },
  },
  {
    name: 'gives readers and writers of one key the old object or the new one',
    needs: ['replace', 'parallel', 'atomicPut'],
    async run(target, at, signal) {
      const versions = Array.from({ length: 10 }, (_, index) => sampleBytes(300_000 + index, index + 1));
      for (const version of versions.slice(0, 1)) await target.put(`${at}/object`, version, {}, signal);
      const writing = (async () => {
        for (const version of versions) await target.put(`${at}/object`, version, {}, signal);
      })();
      const seen: Buffer[] = [];
      for (let index = 0; index < 10; index += 1) {
        try {
          seen.push(await read(target, `${at}/object`, undefined, signal));
        } catch (error) {
          // It may also say that it cannot tell the two apart, but never give a mixture.
          deepEqual(asLifeboatError(error).code, 'target-failed');
        }
      }
      await writing;
      for (const bytes of seen)
        ok(
          versions.some((version) => version.equals(bytes)),
          'read a mixture',
        );
    },
  },
];

/** A body that gives its last byte only when all have started. */
async function* waiting(bytes: Buffer, started: Promise<void>): AsyncIterable<Uint8Array> {
  yield bytes.subarray(0, -1);
  await started;
  yield bytes.subarray(-1);
}
