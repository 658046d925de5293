import { readFile } from 'node:fs/promises';
import { hasErrno } from './errors.ts';

/** The content of a file; `undefined` where there is none. One that is there and cannot be read is an error. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
