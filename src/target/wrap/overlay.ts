/** A target that is read only: what somebody writes through it is kept in memory, where that somebody finds it again. */
import { LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import { memoryTarget, type MemoryStore } from '../memory/memory.ts';
import { type Body, chunksOf, type Target } from '../target.ts';

/** Of all that is kept, in memory: far more than what goes on record of a recovery. */
const limitBytes = 64 * 1024 * 1024;

/**
 * Nothing of the base is ever changed: an object of it can neither be replaced nor removed. The base stays open.
 *
 * @param kept what was written, for whoever wants to look at it
 */
export function overlayOver(base: Target, kept: MemoryStore): Target {
  const own = memoryTarget('overlay', kept);
  /** Of what is being written: any number at once. */
  const underWay = { bytes: 0 };
  const refuse = (key: string): LifeboatError =>
    new LifeboatError('permission-denied', `${key} at ${base.url} can only be read here`);

  return {
    url: base.url,
    traits: { ...base.traits, atomicPut: true, exclusivePut: true, appendOnly: false },

    async put(key, body, options, signal) {
      if (!kept.has(key) && (await base.stat(key, signal)) !== undefined) {
        throw options.ifAbsent === true ? new LifeboatError('exists', `${key} is taken at ${base.url}`) : refuse(key);
      }
      return await bounded(key, body, kept, underWay, async (inner) => await own.put(key, inner, options, signal));
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

/** Counted of each object besides its bytes, so that there is an end of empty ones, too. */
const overheadBytes = 16 * 1024;

const sizeOf = (key: string, bytes: number): number => key.length + bytes + overheadBytes;

/** @throws LifeboatError `no-space` for more than is kept */
async function bounded<T>(
  key: string,
  body: Body,
  kept: MemoryStore,
  underWay: { bytes: number },
  write: (body: Body) => Promise<T>,
): Promise<T> {
  let own = 0;
  const take = (bytes: number): void => {
    own += bytes;
    underWay.bytes += bytes;
    const there = [...kept].reduce((sum, [name, { bytes }]) => sum + sizeOf(name, bytes.length), 0);
    if (there + underWay.bytes <= limitBytes) return;
    throw new LifeboatError(
      'no-space',
      `${key} is not stored: what is written in a drill is kept in memory and then forgotten, up to ${formatBytes(limitBytes)}`,
    );
  };
  try {
    take(sizeOf(key, 0));
    return await write(counted());
  } finally {
    underWay.bytes -= own;
  }

  async function* counted(): AsyncIterable<Uint8Array> {
    for await (const chunk of chunksOf(body)) {
      take(chunk.length);
      yield chunk;
    }
  }
}
