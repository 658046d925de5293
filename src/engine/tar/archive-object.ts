/** A stored archive, read once from its target: its bytes hashed, decrypted, decompressed, parsed, compared with a manifest. */
import { createHash } from 'node:crypto';
import { decrypting } from '../../age/age.ts';
import type { Sealing } from '../../age/keys.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { Target } from '../../target/target.ts';
import { type Entry, entryDifferences } from '../entry.ts';
import type { Finding } from '../engine.ts';
import { decompressing } from '../zstd.ts';
import { ArchiveReader, reading } from './reader.ts';
import { isSealed, type StoredObject } from './stored.ts';

export interface ArchiveJob {
  readonly target: Target;
  readonly sealing: Sealing;
  readonly stored: StoredObject;
  /** What the archive must hold, in its order; without it only the archive itself is checked. */
  readonly expected: AsyncIterable<Entry> | undefined;
  /** Whether it may hold more: other points than the one that is looked at refer to it. */
  readonly shared: boolean;
  readonly onProgress: () => void;
  readonly onDamage: (damage: Finding) => void;
}

export interface ArchiveCounts {
  /** That were expected, and of their content. */
  entries: number;
  bytes: number;
  /** Read from the target. */
  storedBytes: number;
}

/**
 * Reads a whole archive.
 *
 * @param counts added to as it is read
 * @throws LifeboatError what `target.get` throws; `archive-damaged` is told to `onDamage`
 */
export async function checkArchive(job: ArchiveJob, counts: ArchiveCounts, signal: AbortSignal): Promise<void> {
  const { stored, onDamage, shared } = job;
  const sha = createHash('sha256');
  const complete: Entry[] = [];
  const expected = job.expected?.[Symbol.asyncIterator]();
  /** Not met yet. */
  let awaited = await next();
  const reader = new ArchiveReader({ end: (entry) => complete.push(entry) }, signal);
  let size = 0;

  async function next(): Promise<Entry | undefined> {
    const found = await expected?.next();
    return found === undefined || found.done === true ? undefined : found.value;
  }

  async function* storedBytes(): AsyncIterable<Uint8Array> {
    for await (const chunk of job.target.get(stored.key, undefined, signal)) {
      throwIfAborted(signal);
      sha.update(chunk);
      size += chunk.length;
      counts.storedBytes += chunk.length;
      yield chunk;
    }
  }

  async function compare(entry: Entry): Promise<void> {
    if (expected !== undefined && awaited?.path !== entry.path) {
      if (shared) return;
      if (awaited === undefined) throw damagedAt(entry.path, 'is in the archive, but not in its manifest');
      throw damagedAt(awaited.path, `is missing in the archive; /${entry.path} stands in its place`);
    }
    counts.entries++;
    counts.bytes += entry.size;
    if (awaited === undefined) return;
    for (const { problem } of entryDifferences(awaited, entry)) {
      onDamage({ subject: `/${entry.path}`, problem: `in the archive: ${problem}` });
    }
    awaited = await next();
  }

  try {
    const compressed = isSealed(stored) ? decrypting(storedBytes(), job.sealing.identities) : storedBytes();
    for await (const _ of reading(reader, decompressing(compressed))) {
      for (const entry of complete.splice(0)) await compare(entry);
      job.onProgress();
    }
    if (awaited !== undefined) throw damagedAt(awaited.path, 'is missing at the end of the archive');
  } catch (error) {
    if (error instanceof Damage) onDamage(error.damage);
    else if (error instanceof LifeboatError && error.code === 'archive-damaged') {
      try {
        for (const entry of complete.splice(0)) await compare(entry);
      } catch (second) {
        if (!(second instanceof Damage)) throw second;
        onDamage(second.damage);
      }
      onDamage({ subject: awaited === undefined ? stored.key : `/${awaited.path}`, problem: error.message });
    } else throw error;
    return;
  }
  if (size !== stored.size || sha.digest('hex') !== stored.sha256) {
    onDamage({ subject: stored.key, problem: `the object at ${job.target.url} is not what was stored` });
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
