/**
 * Attestations that could not be brought to the repository, as after a recovery with credentials that only read: they wait, sealed
 * and signed, below the state directory of the recovered system, and the first backup that is made there takes them along.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { placeIn } from '../host/place-in.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { explaining, hasErrno } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { sealDocument, suffixFor } from './envelope.ts';
import { nameOf } from './attestations.ts';
import { attestationName, nameIn, parseAttestationName, recordKey } from './names.ts';
import type { Recovered } from './point.ts';
import { checkStored, type Repository } from './record-objects.ts';

/** Where they wait, of a host. */
const folderIn = (stateDir: string, host: string): string => join(stateDir, 'kept', host, 'attestations');

/**
 * @param stateDir of the recovered system, as that calls it
 * @param root where that is mounted
 * @returns the path of what was kept
 * @throws LifeboatError `no-key` where there is nothing to sign with; `no-space`, …
 */
export async function keepBack(
  stateDir: string,
  { keys }: Pick<Repository, 'keys'>,
  host: string,
  recovered: Recovered,
  root = '/',
): Promise<string> {
  const name = attestationName(recovered.point, newId(new Date(recovered.at)), nameOf(recovered));
  const key = recordKey(host, 'attestations', name, suffixFor(keys));
  const folder = await placeIn(root, folderIn(stateDir, host));
  await explaining(`create ${folder}`, async () => await makeDirectory(folder, 0o700));
  const path = join(folder, key.slice(key.lastIndexOf('/') + 1));
  await writeFileAtomic(path, sealDocument(keys, key, recovered));
  return path;
}

/**
 * Brings what waits to the repository. What is there is let go of here; can be repeated.
 *
 * @returns how many were brought
 * @throws LifeboatError what the target throws
 */
export async function bringKept(
  stateDir: string,
  { target }: Pick<Repository, 'target'>,
  host: string,
  signal: AbortSignal,
): Promise<number> {
  const folder = folderIn(stateDir, host);
  let brought = 0;
  for (const file of await filesIn(folder)) {
    const key = `lifeboat/${host}/attestations/${file}`;
    if (parseAttestationName(nameIn(host, 'attestations', key) ?? '') === undefined) continue;
    const path = join(folder, file);
    const sealed = await explaining(`read ${path}`, async () => await readFile(path));
    // An attempt before this one may have come as far.
    if ((await target.stat(key, signal)) === undefined) await target.put(key, sealed, {}, signal);
    await checkStored(target, key, sealed, signal);
    await rm(path, { force: true });
    brought++;
  }
  return brought;
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
