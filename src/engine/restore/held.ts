/** One inode, opened by its name once: what is then done is done to it, whatever becomes of the name meanwhile. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { isSystemError } from '../../kernel/errors.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { O_PATH } from '../../native/file.ts';
import { isRoot } from './rights.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

export interface Held {
  readonly stats: BigIntStats;
  /** Leads to it for every call that follows symlinks, also when it is a symlink itself. */
  readonly path: string;
  /** By which it was opened. */
  readonly name: string;
}

/**
 * @param name in the encoding of `kernel/text.ts`; its last component is not followed
 * @throws SystemError `ENOENT`, …
 */
export function holding<T>(name: string, use: (held: Held) => T): T {
  const fd = openSync(nameToBytes(name), O_PATH | O_NOFOLLOW);
  try {
    return use({ stats: fstatSync(fd, { bigint: true }), path: `/proc/self/fd/${fd}`, name });
  } finally {
    closeSync(fd);
  }
}

/**
 * For calls that take no handle, such as those of attributes: a descriptor, or its name where it cannot be opened. That is
 * for who is not root, and has no rights to lose, and for symlinks and devices, which nothing but their name tells.
 */
export function reading<T>({ stats, path, name }: Held, use: (file: number | string) => T): T {
  if (!stats.isFile() && !stats.isDirectory() && !stats.isFIFO()) return use(name);
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if (isRoot || !isSystemError(error)) throw error;
    return use(name);
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/** The same file, directory, … under whatever name. */
export function inodeOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}
