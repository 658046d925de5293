/** What a point's own data says of it: its manifest, read whole, and the archives that this names, by their sizes. */
import { createHash } from 'node:crypto';
import { decrypting } from '../../age/age.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { checkKey } from '../../target/target.ts';
import type { PointJob, Recovered } from '../engine.ts';
import { type Manifest, manifestOf } from './manifest-object.ts';
import type { ManifestTrailer } from './manifest.ts';
import { isSealed, keysOf, STORED_FORMAT, type Stored, type StoredObject } from './stored.ts';

export async function recover(job: PointJob, signal: AbortSignal): Promise<Recovered> {
  const found = await readOwn(job, signal);
  const trailer = await found.manifest.trailer();
  const archive = await checkArchive(job, trailer, found.object, signal);
  const bases: Stored['bases'] = [];
  for (const pointId of (await referredTo(found.manifest)).sort()) {
    const base = { ...job, pointId };
    const own = await readOwn(base, signal);
    bases.push({ pointId, archive: await checkArchive(base, await own.manifest.trailer(), own.object, signal) });
  }
  const { entries, bytes } = trailer;
  const sealed = isSealed(found.object) ? 'age' : 'none';
  const stored: Stored = { format: STORED_FORMAT, sealed, archive, manifest: found.object, entries, bytes, bases };
  const base = bases.at(-1)?.pointId;
  return {
    description: await found.manifest.description(),
    stored,
    entries,
    bytes,
    storedBytes: archive.size + found.object.size,
    ...(base === undefined ? {} : { base }),
  };
}

interface Own {
  readonly manifest: Manifest;
  readonly object: StoredObject;
}

/** The point's manifest as it is now: whether it is as it was, only a record could have told. */
async function readOwn(job: PointJob, signal: AbortSignal): Promise<Own> {
  for (const sealed of ['age', 'none'] as const) {
    const { manifest: key } = keysOf(job, sealed);
    if ((await job.target.stat(key, signal)) === undefined) continue;
    const bytes = await Array.fromAsync(job.target.get(key, undefined, signal));
    const sha = createHash('sha256');
    for (const chunk of bytes) sha.update(chunk);
    const size = bytes.reduce((sum, chunk) => sum + chunk.length, 0);
    const object = { key, size, sha256: sha.digest('hex') };
    if (sealed === 'none') return { manifest: manifestOf(bytes), object };
    const opened = decrypting(ReadableStream.from(bytes), job.sealing.identities);
    return { manifest: manifestOf(await Array.fromAsync(opened)), object };
  }
  throw new LifeboatError('not-found', `there is no manifest of the point ${job.pointId} at ${job.target.url}`);
}

async function referredTo(manifest: Manifest): Promise<string[]> {
  const ids = new Set<string>();
  for await (const { in: id } of manifest.entries()) if (id !== undefined) ids.add(id);
  return [...ids];
}

/** The archive that a manifest names, if it can be this point's and is there. */
async function checkArchive(
  job: PointJob,
  { archive }: ManifestTrailer,
  manifest: StoredObject,
  signal: AbortSignal,
): Promise<StoredObject> {
  const { key } = archive;
  const damaged = (what: string) =>
    new LifeboatError('archive-damaged', `the manifest ${manifest.key} at ${job.target.url} names ${what}`);
  if (!Object.values(keysOf(job, 'age')).includes(key) && !Object.values(keysOf(job, 'none')).includes(key))
    throw damaged('an archive that is not of its point');
  checkKey(key);
  const there = await job.target.stat(key, signal);
  if (there === undefined) throw damaged(`the archive ${key}, which is missing`);
  if (there.size !== archive.size) throw damaged(`${archive.size} bytes in ${key}, which holds ${there.size}`);
  return archive;
}
