import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../../kernel/errors.ts';
import { isStale } from '../temporary.ts';

/** Removes what dead processes left in `directory`; one that is not there holds nothing. */
export async function sweepTemporary(directory: string): Promise<void> {
  for (const name of await namesIn(directory)) {
    const path = join(directory, name);
    if (await isStale(name, () => mtimeOf(path))) await unlinkIfThere(path);
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

async function mtimeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).mtimeMs;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
