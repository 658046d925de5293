/**
 * The members of a point that are wanted, out of its own archive and those that it builds upon, as one archive: a chain is
 * restored as one. Each member is compared with the manifest as it passes, its content by its hash.
 */
import { decrypting } from '../../age/age.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { ahead } from '../ahead.ts';
import type { Batches } from '../compare.ts';
import type { RestoreJob } from '../engine.ts';
import { entryDifferences } from '../entry.ts';
import { safetyCheck } from '../restore/select.ts';
import { decompressing } from '../zstd.ts';
import type { ManifestEntry } from './manifest.ts';
import { RawPieces } from './pieces.ts';
import { ArchiveReader, reading } from './reader.ts';
import { isSealed, type Stored, type StoredObject } from './stored.ts';

export interface MembersJob extends Pick<RestoreJob, 'target' | 'sealing' | 'onProgress'> {
  readonly stored: Stored;
  readonly manifest: { batches(): Batches<ManifestEntry> };
  readonly wants: (entry: ManifestEntry) => boolean;
}

/** A member takes one header of this size at least. */
const BLOCK = 512;

/**
 * An archive with the wanted members as they are stored. Nothing of a member passes before its name was found safe, and
 * none follows one whose content was wrong. What comes after the last wanted member of an archive is not read.
 *
 * @throws LifeboatError (while iterating) `archive-damaged` naming the file, `archive-unsafe`, `no-key`, what `target.get` throws
 */
export async function* members(job: MembersJob, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const { stored } = job;
  const archives = await neededArchives(job);
  const progress = {
    doneBytes: 0,
    totalBytes: archives.reduce((sum, { archive }) => sum + archive.size, 0),
    entries: 0,
  };
  const safety = safetyCheck();
  for (const { pointId, archive } of archives) {
    // What is read next is compared while what was compared is restored.
    for await (const pieces of ahead(membersOf(archive, pointId))) yield* pieces;
  }
  yield Buffer.alloc(2 * BLOCK);

  async function* membersOf(archive: StoredObject, pointId: string | undefined): AsyncIterable<readonly Uint8Array[]> {
    const expected = expectedOf(job, pointId)[Symbol.asyncIterator]();
    /** From `at` on, those that have not come yet. */
    let waiting: readonly ManifestEntry[] = [];
    let at = 0;
    let all = false;
    const begun = progress.doneBytes;

    /** So many as can begin in a piece of this length, since the reader does not wait. */
    async function fill(bytes: number): Promise<void> {
      while (!all && waiting.length - at < bytes / BLOCK + 2) {
        const next = await expected.next();
        if (next.done === true) {
          all = true;
          continue;
        }
        waiting = waiting.slice(at).concat(next.value);
        at = 0;
      }
    }

    let current: ManifestEntry | undefined;
    const pieces = new RawPieces();
    const reader = new ArchiveReader(
      {
        begin: ({ entry, name }) => {
          current = waiting[at]?.path === entry.path ? waiting[at++] : undefined;
          if (current === undefined) return undefined;
          const path = name.endsWith('/') ? name.replace(/\/+$/, '') : name;
          safety({ path, type: entry.type, link: entry.link });
          return current;
        },
        raw: (bytes) => {
          if (current !== undefined) pieces.add(bytes);
        },
        end: (entry, wanted) => {
          if (wanted === undefined) return;
          for (const { problem } of entryDifferences(wanted, entry)) {
            throw damagedAt(`/${entry.path}`, `in the archive: ${problem}`);
          }
          progress.entries++;
          if (current === wanted) current = undefined;
        },
      },
      signal,
    );

    async function* bytes(): AsyncIterable<Uint8Array> {
      const raw = isSealed(archive) ? decrypting(storedBytes(), job.sealing.identities) : storedBytes();
      for await (const chunk of decompressing(raw)) {
        await fill(chunk.length);
        yield chunk;
      }
    }

    async function* storedBytes(): AsyncIterable<Uint8Array> {
      for await (const chunk of job.target.get(archive.key, undefined, signal)) {
        throwIfAborted(signal);
        progress.doneBytes += chunk.length;
        yield chunk;
      }
    }

    try {
      for await (const _ of reading(reader, bytes())) {
        yield pieces.take();
        job.onProgress(progress);
        if (all && at === waiting.length && current === undefined) break;
      }
    } catch (error) {
      if (!(error instanceof LifeboatError && error.code === 'archive-damaged') || error instanceof NamedDamage)
        throw error;
      const path = current?.path ?? waiting[at]?.path;
      throw damagedAt(path === undefined ? archive.key : `/${path}`, error.message, error);
    }
    const missing = waiting[at];
    if (missing !== undefined) throw damagedAt(`/${missing.path}`, `is missing in ${archive.key}`);
    progress.doneBytes = begun + archive.size;
    job.onProgress(progress);
  }

  async function neededArchives({ manifest, wants }: MembersJob) {
    const own = { pointId: undefined, archive: stored.archive };
    if (stored.bases.length === 0) return [own];
    const needed = new Set<string | undefined>();
    for await (const entries of manifest.batches()) {
      for (const entry of entries) if (wants(entry)) needed.add(entry.in);
    }
    const known = new Set<string | undefined>(stored.bases.map(({ pointId }) => pointId));
    for (const id of needed) {
      if (id !== undefined && !known.has(id))
        throw damagedAt(`the point ${id}`, 'is referred to, but its archive is not named');
    }
    return [own, ...stored.bases].filter(({ pointId }) => needed.has(pointId));
  }
}

async function* expectedOf({ manifest, wants }: MembersJob, pointId: string | undefined): Batches<ManifestEntry> {
  for await (const entries of manifest.batches()) {
    yield entries.filter((entry) => entry.in === pointId && wants(entry));
  }
}

class NamedDamage extends LifeboatError {}

function damagedAt(subject: string, problem: string, cause?: unknown): LifeboatError {
  return new NamedDamage('archive-damaged', `the archive is damaged at ${subject}: ${problem}`, {
    hint: 'Restore another point, or other paths of this one; lifeboat points verify says what is damaged.',
    cause,
  });
}
