/**
 * Manifests that a host keeps for itself, not encrypted and readable by root only: so that it knows what has changed
 * without reading its repository, which it may not be able to.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../kernel/atomic-write.ts';
import { explaining, hasErrno } from '../../kernel/errors.ts';
import { isId } from '../../kernel/ids.ts';
import type { BackupJob } from '../engine.ts';

const END = '.manifest.zst';

type IndexJob = Pick<BackupJob, 'indexDirectory' | 'hostName'>;

function directoryOf({ indexDirectory, hostName }: IndexJob): string | undefined {
  return indexDirectory === undefined ? undefined : join(indexDirectory, hostName);
}

/** The compressed manifest of a point, if it was kept. Whether it is the right one is for the reader to see. */
export async function readIndex(job: IndexJob, pointId: string): Promise<Buffer | undefined> {
  const directory = directoryOf(job);
  if (directory === undefined) return undefined;
  try {
    return await readFile(join(directory, `${pointId}${END}`));
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Keeps this one, and besides it that of the point before: this one may yet come to nothing. */
export async function writeIndex(
  job: IndexJob & { readonly pointId: string },
  before: string | undefined,
  manifest: Buffer,
): Promise<void> {
  const directory = directoryOf(job);
  if (directory === undefined) return;
  await explaining(`keep an index in ${directory}`, () => mkdir(directory, { recursive: true, mode: 0o700 }));
  await writeFileAtomic(join(directory, `${job.pointId}${END}`), manifest, 0o600);
  const others = (await readdir(directory))
    .flatMap((name) => (name.endsWith(END) ? name.slice(0, -END.length) : []))
    .filter((id) => isId(id) && id !== job.pointId)
    .sort();
  // A full point builds upon none: then it is the newest, as ids begin with their time.
  const wanted = before ?? others.at(-1);
  for (const id of others) if (id !== wanted) await rm(join(directory, `${id}${END}`), { force: true });
}
