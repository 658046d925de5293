/** Keys of LUKS volumes that somebody asked to be kept with the points to come, as this host has them: sealed, so that it need not be able to open them. */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { encryptBytes } from '../age/age.ts';
import type { Recipient } from '../age/keys.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';

const directoryIn = (stateDir: string): string => join(stateDir, 'volume-keys');

const suffix = '.age';

/** @throws LifeboatError `refused` where there is nobody to seal it to */
export async function keepVolumeKey(
  stateDir: string,
  uuid: string,
  key: Uint8Array,
  recipients: readonly Recipient[],
): Promise<void> {
  if (recipients.length === 0) {
    throw new LifeboatError('refused', 'the key of a volume is kept in no repository that is not encrypted');
  }
  await mkdir(directoryIn(stateDir), { recursive: true, mode: 0o700 });
  await writeFileAtomic(join(directoryIn(stateDir), `${uuid}${suffix}`), encryptBytes(key, recipients));
}

/** By the UUIDs of their volumes. */
export async function readVolumeKeys(stateDir: string): Promise<ReadonlyMap<string, Buffer>> {
  const names = await readdir(directoryIn(stateDir)).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const keys = new Map<string, Buffer>();
  for (const name of names.filter((one) => one.endsWith(suffix)).sort())
    keys.set(name.slice(0, -suffix.length), await readFile(join(directoryIn(stateDir), name)));
  return keys;
}

/** Of the points to come; those that are there keep what they have. @returns whether there was one */
export async function dropVolumeKey(stateDir: string, uuid: string): Promise<boolean> {
  const wasKept = (await readVolumeKeys(stateDir)).has(uuid);
  await rm(join(directoryIn(stateDir), `${uuid}${suffix}`), { force: true });
  return wasKept;
}
