/** A stored archive, read once from its target: its bytes hashed, decompressed, parsed, compared with its manifest. */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { Target } from '../../target/target.ts';
import { type Entry, entryDifferences } from '../entry.ts';
import type { Finding, Progress } from '../engine.ts';
import { decompressing } from '../zstd.ts';
import type { Member } from './member.ts';
import { ArchiveReader, reading } from './reader.ts';
import type { StoredObject } from './stored.ts';

export interface ArchiveJob {
  readonly target: Target;
  readonly stored: StoredObject;
  /** What the archive must hold; without it only the archive itself is checked. */
  readonly manifest: AsyncIterable<Entry> | undefined;
  readonly begin?: (member: Member) => void;
  readonly raw?: (bytes: Buffer) => void;
  readonly onProgress: (progress: Progress) => void;
  /** Told of each difference; may throw. */
  readonly onDamage: (damage: Finding) => void;
}

export interface ArchiveCounts {
  entries: number;
  bytes: number;
  /** Read from the target. */
  storedBytes: number;
}

/**
 * Chunks of the decompressed archive, after they were parsed; every entry that is complete in them has been compared.
 *
 * @throws LifeboatError (while iterating) what `target.get` throws, and what `onDamage` throws
 */
export async function* checkedArchive(
  job: ArchiveJob,
  counts: ArchiveCounts,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { stored, onDamage } = job;
  const sha = createHash('sha256');
  const complete: Entry[] = [];
  const expected = job.manifest?.[Symbol.asyncIterator]();
  const reader = new ArchiveReader({
    ...(job.begin ? { begin: job.begin } : {}),
    ...(job.raw ? { raw: job.raw } : {}),
    end: (entry) => complete.push(entry),
  });

  async function* storedBytes(): AsyncIterable<Uint8Array> {
    for await (const chunk of job.target.get(stored.key, undefined, signal)) {
      throwIfAborted(signal);
      sha.update(chunk);
      counts.storedBytes += chunk.length;
      yield chunk;
    }
  }

  /** @returns whether the rest can still be compared */
  async function compare(entry: Entry): Promise<void> {
    counts.entries++;
    counts.bytes += entry.size;
    if (expected === undefined) return;
    const next = await expected.next();
    if (next.done) throw damagedAt(entry.path, 'is in the archive, but not in its manifest');
    if (next.value.path !== entry.path) {
      throw damagedAt(next.value.path, `is missing in the archive; /${entry.path} stands in its place`);
    }
    for (const { problem } of entryDifferences(next.value, entry)) {
      onDamage({ subject: `/${entry.path}`, problem: `in the archive: ${problem}` });
    }
  }

  try {
    for await (const chunk of reading(reader, decompressing(storedBytes()))) {
      for (const entry of complete.splice(0)) await compare(entry);
      job.onProgress({ doneBytes: counts.storedBytes, totalBytes: stored.size, entries: counts.entries });
      yield chunk;
    }
    const next = await expected?.next();
    if (next && !next.done) throw damagedAt(next.value.path, 'is missing at the end of the archive');
  } catch (error) {
    if (error instanceof Damage) onDamage(error.damage);
    else if (error instanceof LifeboatError && error.code === 'archive-damaged') {
      for (const entry of complete.splice(0)) await compareLast(entry);
      // The damage is reported below; this only names the file, and the manifest may be unreadable too.
      const next = await expected?.next().catch(() => undefined);
      const subject = next && !next.done ? `/${next.value.path}` : stored.key;
      onDamage({ subject, problem: error.message });
    } else throw error;
    return;
  }
  if (counts.storedBytes !== stored.size || sha.digest('hex') !== stored.sha256) {
    onDamage({ subject: stored.key, problem: `the object at ${job.target.url} is not what was stored` });
  }

  async function compareLast(entry: Entry): Promise<void> {
    try {
      await compare(entry);
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      onDamage(error.damage);
    }
  }
}

/** Ends the comparison: what follows cannot be told apart any more. */
class Damage extends Error {
  readonly damage: Finding;

  constructor(damage: Finding) {
    super(damage.problem);
    this.damage = damage;
  }
}

function damagedAt(path: string, problem: string): Damage {
  return new Damage({ subject: `/${path}`, problem });
}
