/** What is at one place of this machine. The directories above it are the caller's to have looked at. */
import { type BigIntStats, lstatSync } from 'node:fs';
import { hasErrno } from '../../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';
import type { Entry } from '../entry.ts';
import { inodeOf } from './held.ts';
import { describe, hashFile, isGone, typeOf } from '../walk.ts';

export interface Seen {
  /** Without a hash unless that was asked for, never of the type `hardlink`; `undefined` for a socket. */
  readonly entry: Entry | undefined;
  readonly stats: BigIntStats;
  /** `device:inode` */
  readonly inode: string;
  /** Why there is no hash, or there are no attributes. */
  readonly unreadable?: string;
}

/**
 * @param root directory that stands for `/`
 * @param hash tells of which files the content is wanted too
 * @returns `undefined` when nothing is there
 */
export async function inspect(
  root: string,
  path: string,
  hash: (stats: BigIntStats) => boolean,
  signal: AbortSignal,
): Promise<Seen | undefined> {
  const full = pathBelow(root, path);
  try {
    const stats = lstatSync(full, { bigint: true });
    const inode = inodeOf(stats);
    const type = typeOf(stats);
    if (type === undefined) return { entry: undefined, stats, inode };
    let sha256: string | undefined;
    let unreadable: string | undefined;
    try {
      // The hash is of this very file, or nobody's: whose attributes are set is told by its inode.
      if (type === 'file' && hash(stats)) sha256 = await hashFile(full, signal, stats);
    } catch (error) {
      if (!hasErrno(error, 'EACCES', 'EPERM', 'EIO')) throw error;
      unreadable = error instanceof Error ? error.message : String(error);
    }
    const entry = describe(nameFromBytes(full), path, type, stats, sha256);
    return { entry, stats, inode, ...(unreadable === undefined ? {} : { unreadable }) };
  } catch (error) {
    // A name that is too long is nobody's; that it cannot be restored is said when its turn comes.
    if (isGone(error) || hasErrno(error, 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}

/** The bytes of a path of the point below a directory. */
export function pathBelow(root: string, path: string): Buffer {
  const top = root === '/' ? '' : root;
  return nameToBytes(path === '' ? root : `${top}/${path}`);
}
