/** Reads everything of a point back; damage is a finding, what keeps us from reading is an error. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { VerifyJob, VerifyReport } from '../engine.ts';
import { type ArchiveCounts, checkedArchive } from './archive-object.ts';
import { type Manifest, readManifest } from './manifest-object.ts';
import { Findings } from './stderr.ts';
import { parseStored } from './stored.ts';

export async function verify(job: VerifyJob, signal: AbortSignal): Promise<VerifyReport> {
  const stored = parseStored(job.stored);
  const damage = new Findings(100);
  const counts: ArchiveCounts = { entries: 0, bytes: 0, storedBytes: 0 };
  let manifest: Manifest | undefined;
  await noting(stored.manifest.key, async () => {
    manifest = await readManifest(job, stored.manifest, signal);
    counts.storedBytes += stored.manifest.size;
  });
  const archiveCounts: ArchiveCounts = { entries: 0, bytes: 0, storedBytes: 0 };
  await noting(stored.archive.key, async () => {
    const chunks = checkedArchive(
      {
        target: job.target,
        stored: stored.archive,
        manifest: manifest?.entries(),
        onProgress: job.onProgress,
        onDamage: ({ subject, problem }) => damage.add(subject, problem),
      },
      archiveCounts,
      signal,
    );
    for await (const _ of chunks);
    if (damage.count === 0 && (archiveCounts.entries !== stored.entries || archiveCounts.bytes !== stored.bytes)) {
      damage.add(stored.archive.key, 'does not hold as many entries and bytes as were stored');
    }
  });
  return {
    entries: archiveCounts.entries,
    bytes: archiveCounts.bytes,
    storedBytes: counts.storedBytes + archiveCounts.storedBytes,
    depth: 'content',
    damage: damage.list(),
  };

  async function noting(key: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof LifeboatError)) throw error;
      if (error.code === 'not-found') damage.add(key, `is missing at ${job.target.url}`);
      else if (error.code === 'archive-damaged') damage.add(key, error.message);
      else throw error;
    }
  }
}
