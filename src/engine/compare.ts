/**
 * Two sequences of entries side by side. They may be in any order; what is held in memory are the entries that one has
 * shown and the other not yet, so almost nothing where the orders agree.
 */
import type { Finding } from './engine.ts';
import { type Entry, entryDifferences } from './entry.ts';

type Entries = AsyncIterable<Entry> | Iterable<Entry>;

export interface Pair {
  readonly before?: Entry;
  readonly after?: Entry;
}

/** Every path of either sequence once. */
export async function* paired(before: Entries, after: Entries): AsyncIterable<Pair> {
  const waiting = { before: new Map<string, Entry>(), after: new Map<string, Entry>() };
  const sides = [
    { name: 'before', other: 'after', next: nextOf(before), over: false },
    { name: 'after', other: 'before', next: nextOf(after), over: false },
  ] as const;
  const open = new Set<(typeof sides)[number]>(sides);
  while (open.size > 0) {
    for (const side of open) {
      const entry = await side.next();
      if (entry === undefined) {
        open.delete(side);
        continue;
      }
      const partner = waiting[side.other].get(entry.path);
      if (partner === undefined) waiting[side.name].set(entry.path, entry);
      else {
        waiting[side.other].delete(entry.path);
        yield side.name === 'before' ? { before: entry, after: partner } : { before: partner, after: entry };
      }
    }
  }
  for (const entry of waiting.before.values()) yield { before: entry };
  for (const entry of waiting.after.values()) yield { after: entry };
}

function nextOf(entries: Entries): () => Promise<Entry | undefined> {
  const iterator = Symbol.asyncIterator in entries ? entries[Symbol.asyncIterator]() : entries[Symbol.iterator]();
  return async () => {
    const { done, value } = await iterator.next();
    return done ? undefined : value;
  };
}

/** What is missing, different, or there although it should not be; empty when the trees are equal. */
export async function compareTrees(expected: Entries, actual: Entries): Promise<Finding[]> {
  const findings: Finding[] = [];
  for await (const { before, after } of paired(expected, actual)) {
    if (before && after) findings.push(...entryDifferences(before, after));
    else if (before) findings.push({ subject: before.path, problem: 'is missing' });
    else if (after) findings.push({ subject: after.path, problem: 'should not be there' });
  }
  return findings.map(({ subject, problem }) => ({ subject: `/${subject}`, problem }));
}

export interface Changes {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Content or any attribute. */
  readonly changed: readonly string[];
}

/** From one point to a later one: absolute paths, sorted. */
export async function manifestChanges(before: Entries, after: Entries): Promise<Changes> {
  const added: string[] = [];
  const removed: string[] = [];
  const changed: string[] = [];
  for await (const pair of paired(before, after)) {
    if (pair.before && pair.after) {
      if (entryDifferences(pair.before, pair.after).length > 0) changed.push(`/${pair.before.path}`);
    } else if (pair.before) removed.push(`/${pair.before.path}`);
    else if (pair.after) added.push(`/${pair.after.path}`);
  }
  return { added: added.sort(), removed: removed.sort(), changed: changed.sort() };
}
