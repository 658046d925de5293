/** The earlier point that an incremental one builds upon: whether it can be, and what it holds as it is. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { BackupJob } from '../engine.ts';
import { markKept } from './changes.ts';
import type { Chosen } from './choose.ts';
import { contentChecker } from './content-check.ts';
import { readIndex } from './index-files.ts';
import { type Manifest, manifestOf, readManifest } from './manifest-object.ts';
import type { ManifestTrailer } from './manifest.ts';
import { isSealed, parseStored, type Stored } from './stored.ts';

export interface Base {
  readonly pointId: string;
  readonly manifest: Manifest;
  readonly trailer: ManifestTrailer;
  /** All archives that its manifest refers to, its own among them, oldest first. */
  readonly archives: Stored['bases'];
}

/**
 * Sets `kept` of what the base holds.
 *
 * @param tell takes notes, also on why there is no base in the end
 * @returns nothing when the point has to be a full one
 */
export async function takeBase(
  job: BackupJob,
  chosen: readonly Chosen[],
  tell: (note: string) => void,
  signal: AbortSignal,
): Promise<Base | undefined> {
  if (job.base === undefined) return undefined;
  const { pointId } = job.base;
  const stored = parseStored(job.base.stored);
  const archives = [...stored.bases, { pointId, archive: stored.archive }];
  for (const { archive } of archives) {
    const there = await job.target.stat(archive.key, signal);
    if (there?.size === archive.size) continue;
    tell(`a full backup: ${archive.key} is ${there === undefined ? 'missing' : 'not as it was stored'}`);
    return undefined;
  }
  for (const manifest of [() => ownCopy(job, pointId), () => fromRepository(job, stored, tell, signal)]) {
    try {
      const found = await manifest();
      if (found === undefined) continue;
      const differs = job.compare === 'hash' ? contentChecker(job.host, tell, signal) : undefined;
      const trailer = await markKept(chosen, found.entries(), differs);
      if (trailer.archive.sha256 !== stored.archive.sha256) throw damaged('is of another point');
      return { pointId, manifest: found, trailer, archives };
    } catch (error) {
      if (!(error instanceof LifeboatError) || !unusable.has(error.code)) throw error;
      tell(`what was stored for ${pointId} cannot be compared with: ${error.message}`);
    }
  }
  for (const item of chosen) item.known = item.kept = false;
  tell(`a full backup: there is no list of what the point ${pointId} holds`);
  return undefined;
}

const unusable: ReadonlySet<string> = new Set(['archive-damaged', 'not-found', 'no-key', 'newer-format']);

async function ownCopy(job: BackupJob, pointId: string): Promise<Manifest | undefined> {
  const bytes = await readIndex(job, pointId);
  return bytes && manifestOf([bytes]);
}

async function fromRepository(
  job: BackupJob,
  stored: Stored,
  tell: (note: string) => void,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  if (isSealed(stored.manifest) && job.sealing.identities.length === 0) {
    tell('this host cannot read its repository, and has no copy of the list of files');
    return undefined;
  }
  return readManifest(job, stored.manifest, signal);
}

function damaged(what: string): LifeboatError {
  return new LifeboatError('archive-damaged', `the manifest ${what}`);
}
