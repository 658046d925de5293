/** A target that says what is not so, in front of an honest one: for tests of what stands on top of a target. */
import { type Body, chunksOf, type ObjectEntry, type Target } from '../../src/target/target.ts';

export const lies = [
  /** A part of what was given is stored, and all of it acknowledged. */
  'short put',
  /** Nothing is stored, and acknowledged. */
  'lost put',
  /** A list lacks what arrived last. */
  'stale list',
  /** A list has what was removed. */
  'ghosts',
  'reordered list',
  'doubled list',
  /** By `stat`, `list` and `put`. */
  'wrong size',
  /** One bit of what is read. */
  'flipped bit',
  /** What is read is of another object. */
  'another object',
  /** What is read ends too early, and without an error. */
  'short get',
] as const;
export type Lie = (typeof lies)[number];

export interface LyingTarget extends Target {
  /** What it lied so far, with the key or prefix. */
  readonly told: readonly string[];
}

/**
 * @param kinds it tells
 * @param next seeded numbers below 1, which say when and how it lies
 * @param removed what the list has as ghosts, besides what is removed through it
 */
export function lyingTarget(
  base: Target,
  kinds: readonly Lie[],
  next: () => number,
  removed: readonly ObjectEntry[] = [],
): LyingTarget {
  const told: string[] = [];
  const ghosts = [...removed];
  /** Whether it lies so this time. */
  const lie = (kind: Lie, about: string): boolean => {
    if (!kinds.includes(kind) || next() < 0.6) return false;
    told.push(`${kind}: ${about}`);
    return true;
  };
  const below = (end: number) => Math.floor(next() * end);

  return {
    url: base.url,
    traits: base.traits,
    told,

    async put(key, body, options, signal) {
      const bytes = await whole(body);
      const { length } = bytes;
      if (lie('lost put', key)) {
        // That the key is taken it still says.
        const taken = (await base.stat(key, signal)) !== undefined;
        if (options.ifAbsent === true && taken) await base.put(key, bytes, options, signal);
        return { size: length };
      }
      const part = length > 0 && lie('short put', key) ? bytes.subarray(0, below(length)) : bytes;
      await base.put(key, part, options, signal);
      return { size: lie('wrong size', key) ? length + 1 : length };
    },

    async *get(key, range, signal) {
      let from = key;
      if (lie('another object', key)) {
        const all = await Array.fromAsync(base.list('', signal));
        from = all[below(all.length)]?.key ?? key;
      }
      const bytes = Buffer.from(await whole(base.get(from, from === key ? range : undefined, signal)));
      const at = below(bytes.length);
      if (bytes.length > 0 && lie('flipped bit', key)) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
      yield lie('short get', key) ? bytes.subarray(0, at) : bytes;
    },

    async stat(key, signal) {
      const info = await base.stat(key, signal);
      return info !== undefined && lie('wrong size', key) ? { ...info, size: wrong(info.size) } : info;
    },

    async *list(prefix, signal) {
      let entries = await Array.fromAsync(base.list(prefix, signal));
      if (lie('stale list', prefix)) {
        const newest = entries.toSorted((a, b) => b.mtimeMs - a.mtimeMs).slice(0, 1 + below(3));
        entries = entries.filter((entry) => !newest.includes(entry));
      }
      if (lie('ghosts', prefix)) {
        const there = new Set(entries.map(({ key }) => key));
        entries.push(...ghosts.filter(({ key }) => key.startsWith(`${prefix}/`) && !there.has(key)));
      }
      if (lie('doubled list', prefix)) entries.push(...entries);
      if (lie('reordered list', prefix)) entries = entries.toSorted(() => next() - 0.5);
      for (const entry of entries) yield lie('wrong size', entry.key) ? { ...entry, size: wrong(entry.size) } : entry;
    },

    async remove(key, signal) {
      const info = await base.stat(key, signal);
      if (info !== undefined) ghosts.push({ key, ...info });
      await base.remove(key, signal);
    },

    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };

  function wrong(size: number): number {
    return next() < 0.5 ? size + 1 + below(1000) : Math.max(0, size - 1 - below(1000));
  }
}

async function whole(body: Body): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(body)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
