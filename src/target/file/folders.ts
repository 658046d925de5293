import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../kernel/atomic-write.ts';
import { hasErrno, LifeboatError } from '../../kernel/errors.ts';

export interface Folders {
  /** Makes a directory below the root, and makes sure that it and its parents survive a power cut. */
  make(path: string): Promise<void>;
  /** Makes {@link Folders.make} look again: somebody else removed directories. */
  forget(): void;
}

/**
 * The directories below `root`; the root itself is never made here, for a missing one is a missing mount.
 *
 * A directory that is already there may have been made a moment ago by somebody who did not yet sync it, so each is
 * synced once by each process.
 */
export function foldersOf(root: string): Folders {
  const durable = new Map<string, Promise<void>>();

  function make(path: string): Promise<void> {
    if (path === root) return Promise.resolve();
    const known = durable.get(path);
    if (known !== undefined) return known;
    const making = makeOne(path);
    durable.set(path, making);
    making.catch(() => durable.delete(path));
    return making;
  }

  async function makeOne(path: string): Promise<void> {
    await make(dirname(path));
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      if (hasErrno(error, 'ENOTDIR')) {
        throw new LifeboatError('usage', `${dirname(path)} is an object, so nothing can be stored below it`);
      }
      if (!hasErrno(error, 'EEXIST')) throw error;
    }
    await syncDirectory(dirname(path));
  }

  return { make, forget: () => durable.clear() };
}
