/** A target that is read only: what somebody writes through it is kept in memory, where that somebody finds it again. */
import { LifeboatError } from '../../kernel/errors.ts';
import { memoryTarget, type MemoryStore } from '../memory/memory.ts';
import { type Body, chunksOf, type Target } from '../target.ts';

/** Of all that is kept: far more than what goes on record of a recovery. */
const limitBytes = 64 * 1024 * 1024;

/**
 * Nothing of the base is ever changed: an object of it can neither be replaced nor removed. The base stays open.
 *
 * @param kept what was written, for whoever wants to look at it
 */
export function overlayOver(base: Target, kept: MemoryStore): Target {
  const own = memoryTarget('overlay', kept);
  const refuse = (key: string): LifeboatError =>
    new LifeboatError('permission-denied', `${key} at ${base.url} can only be read here`);

  return {
    url: base.url,
    traits: { ...base.traits, atomicPut: true, exclusivePut: true, appendOnly: false },

    async put(key, body, options, signal) {
      if (!kept.has(key) && (await base.stat(key, signal)) !== undefined) {
        throw options.ifAbsent === true ? new LifeboatError('exists', `${key} is taken at ${base.url}`) : refuse(key);
      }
      return await own.put(key, bounded(body, kept), options, signal);
    },

    async *get(key, range, signal) {
      yield* (kept.has(key) ? own : base).get(key, range, signal);
    },

    async stat(key, signal) {
      return (await own.stat(key, signal)) ?? (await base.stat(key, signal));
    },

    async *list(prefix, signal) {
      yield* own.list(prefix, signal);
      yield* base.list(prefix, signal);
    },

    async remove(key, signal) {
      if (!kept.has(key) && (await base.stat(key, signal)) !== undefined) throw refuse(key);
      await own.remove(key, signal);
    },

    async [Symbol.asyncDispose]() {},
  };
}

async function* bounded(body: Body, kept: MemoryStore): AsyncIterable<Uint8Array> {
  let size = [...kept.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  for await (const chunk of chunksOf(body)) {
    size += chunk.length;
    if (size > limitBytes) throw new LifeboatError('no-space', 'more is written than a drill keeps');
    yield chunk;
  }
}
