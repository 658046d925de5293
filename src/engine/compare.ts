/**
 * Two sequences of entries side by side. They may be in any order; what is held in memory are the entries that one has
 * shown and the other not yet, so almost nothing where the orders agree.
 */
import type { Finding } from './engine.ts';
import { type Entry, entryDifferences } from './entry.ts';

type Entries = AsyncIterable<Entry> | Iterable<Entry>;

/** Many at once: of a million, a turn for each would take longer than what is done with it. */
export type Batches<T> = AsyncIterable<readonly T[]>;

export interface Pair {
  readonly before?: Entry;
  readonly after?: Entry;
}

/** Every path of either sequence once. */
export async function* paired(before: Entries, after: Entries): AsyncIterable<Pair> {
  for await (const pairs of pairedBatches(oneByOne(before), oneByOne(after))) yield* pairs;
}

/** {@link paired}, for many entries at once. */
export async function* pairedBatches(before: Batches<Entry>, after: Batches<Entry>): AsyncIterable<readonly Pair[]> {
  const waiting = { before: new Map<string, Entry>(), after: new Map<string, Entry>() };
  const left = new Side(before);
  const right = new Side(after);
  for (;;) {
    await left.fill();
    await right.fill();
    if (left.over && right.over) break;
    const pairs: Pair[] = [];
    while ((left.ready || left.over) && (right.ready || right.over) && (left.ready || right.ready)) {
      const one = left.take();
      const other = right.take();
      if (one !== undefined && one.path === other?.path) {
        pairs.push({ before: one, after: other });
        continue;
      }
      if (one !== undefined) {
        const partner = waiting.after.get(one.path);
        if (partner === undefined) waiting.before.set(one.path, one);
        else pairs.push({ before: one, after: partner });
        waiting.after.delete(one.path);
      }
      if (other !== undefined) {
        const partner = waiting.before.get(other.path);
        if (partner === undefined) waiting.after.set(other.path, other);
        else pairs.push({ before: partner, after: other });
        waiting.before.delete(other.path);
      }
    }
    yield pairs;
  }
  yield Array.from(waiting.before.values(), (entry) => ({ before: entry }));
  yield Array.from(waiting.after.values(), (entry) => ({ after: entry }));
}

/** One of two sequences that are taken from in turn. */
class Side {
  readonly #batches: AsyncIterator<readonly Entry[]>;
  #batch: readonly Entry[] = [];
  #at = 0;
  over = false;

  constructor(batches: Batches<Entry>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  /** Until there is something to be taken, or no more. */
  async fill(): Promise<void> {
    while (!this.ready && !this.over) {
      const { done, value } = await this.#batches.next();
      this.over = done === true;
      this.#batch = done === true ? [] : value;
      this.#at = 0;
    }
  }

  get ready(): boolean {
    return this.#at < this.#batch.length;
  }

  take(): Entry | undefined {
    return this.#batch[this.#at++];
  }
}

async function* oneByOne(entries: Entries): Batches<Entry> {
  for await (const entry of entries) yield [entry];
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
