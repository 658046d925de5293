/** Reads what a point needs back; damage is a finding, what keeps us from reading is an error. */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { VerifyJob, VerifyReport } from '../engine.ts';
import type { Entry } from '../entry.ts';
import { safetyCheck } from '../restore/select.ts';
import { type ArchiveCounts, checkArchive } from './archive-object.ts';
import { type Manifest, readManifest } from './manifest-object.ts';
import { Findings } from './stderr.ts';
import { isSealed, parseStored, type StoredObject } from './stored.ts';

export async function verify(job: VerifyJob, asked: AbortSignal): Promise<VerifyReport> {
  const { until } = job;
  const signal = until === undefined ? asked : AbortSignal.any([asked, until]);
  const stored = parseStored(job.stored);
  const damage = new Findings(100);
  const counts: ArchiveCounts = { entries: 0, bytes: 0, storedBytes: 0 };
  const chain = job.scope !== 'own';
  const read = [{ pointId: undefined, archive: stored.archive }, ...(chain ? stored.bases : [])];
  const totalBytes = read.reduce((sum, { archive }) => sum + archive.size, stored.manifest.size);
  const onProgress = (): void => job.onProgress({ doneBytes: counts.storedBytes, totalBytes, entries: counts.entries });
  const report = (depth: VerifyReport['depth']): VerifyReport => ({ ...counts, depth, damage: damage.list() });

  const depth =
    job.sameBytes === true || (isSealed(stored.archive) && job.sealing.identities.length === 0)
      ? 'ciphertext'
      : 'content';
  const bases = stored.bases.map(({ archive }) => archive);
  const lookedFor = until === undefined ? (chain ? [] : bases) : [stored.archive, ...bases];
  try {
    for (const archive of lookedFor) await noting(archive.key, () => sized(archive));
    await (depth === 'content' ? contentRead() : bytesRead());
  } catch (error) {
    throwIfAborted(asked);
    if (until?.aborted !== true) throw error;
    return { ...report(depth), partial: true };
  }
  return report(depth);

  async function bytesRead(): Promise<void> {
    for (const object of [stored.manifest, ...read.map(({ archive }) => archive)]) {
      await noting(object.key, () => hashed(object));
    }
  }

  async function contentRead(): Promise<void> {
    let manifest: Manifest | undefined;
    await noting(stored.manifest.key, async () => {
      manifest = await readManifest(job, stored.manifest, signal);
      counts.storedBytes += stored.manifest.size;
    });
    for (const { pointId, archive } of read) {
      await noting(archive.key, () =>
        checkArchive(
          {
            ...job,
            stored: archive,
            expected: manifest && entriesIn(manifest, pointId, damage),
            shared: pointId !== undefined,
            onProgress,
            onDamage: ({ subject, problem }) => damage.add(subject, problem),
          },
          counts,
          signal,
        ),
      );
    }
    if (damage.count === 0 && chain && (counts.entries !== stored.entries || counts.bytes !== stored.bytes)) {
      damage.add(stored.manifest.key, 'does not list as many entries and bytes as were stored');
    }
  }

  async function sized(object: StoredObject): Promise<void> {
    const there = await job.target.stat(object.key, signal);
    if (there === undefined) damage.add(object.key, `is missing at ${job.target.url}`);
    else if (there.size !== object.size)
      damage.add(object.key, `the object at ${job.target.url} is not what was stored`);
  }

  async function hashed(object: StoredObject): Promise<void> {
    const sha = createHash('sha256');
    let size = 0;
    for await (const chunk of job.target.get(object.key, undefined, signal)) {
      throwIfAborted(signal);
      sha.update(chunk);
      size += chunk.length;
      counts.storedBytes += chunk.length;
      onProgress();
    }
    if (size !== object.size || sha.digest('hex') !== object.sha256) {
      damage.add(object.key, `the object at ${job.target.url} is not what was stored`);
    }
  }

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

/** Those of one archive. With those of the point's own, all entries are looked at: whether they may be restored at all. */
async function* entriesIn(manifest: Manifest, pointId: string | undefined, damage: Findings): AsyncIterable<Entry> {
  const safety = pointId === undefined ? safetyCheck() : undefined;
  for await (const entry of manifest.entries()) {
    try {
      safety?.(entry);
    } catch (error) {
      if (!(error instanceof LifeboatError)) throw error;
      damage.add(`/${entry.path}`, error.message);
    }
    if (entry.in === pointId) yield entry;
  }
}
