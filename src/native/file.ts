/**
 * What Node's `fs` lacks for files. All calls are synchronous and fail with a system error as `fs` throws it.
 *
 * `dirfd` is an open directory (O_PATH suffices) that a relative `path` starts from, or {@link AT_FDCWD}. Paths are in
 * the encoding of `kernel/text.ts`.
 */
import { constants } from 'node:fs';
import { addon } from './addon.ts';
import {
  dirfdArgument,
  fdArgument,
  integerArgument,
  offsetArgument,
  textArgument,
  wrongArgument,
} from './arguments.ts';
import { checked, failedWith } from './outcome.ts';

export { AT_FDCWD } from './arguments.ts';

/** For {@link openat2}: what may not happen while the path is followed. */
export const RESOLVE = {
  /** No mount point is crossed. */
  NO_XDEV: 0x01,
  /** Links of /proc that lead anywhere, such as /proc/self/fd/3, are refused. */
  NO_MAGICLINKS: 0x02,
  /** Every symlink is refused, in the middle of the path too (`ELOOP`). */
  NO_SYMLINKS: 0x04,
  /** Nothing leads out of `dirfd`: no absolute name, no `..`, no symlink (`EXDEV`). */
  BENEATH: 0x08,
  /** `dirfd` is the root, for absolute names and symlinks too. */
  IN_ROOT: 0x10,
} as const;

/** An open flag that `fs.constants` lacks: a handle to the file's name and attributes, not to its content. */
export const O_PATH = 0o10000000;

const O_CLOEXEC = 0o2000000;
const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_NOFOLLOW = 0x100;

/**
 * Opens a file under rules for how its path is followed, needs Linux 5.6. The descriptor is the caller's to close, with
 * `fs.closeSync`, and is not inherited by other programs.
 *
 * @param flags `O_…` of `fs.constants`
 * @param mode of a new file, less the umask; must be 0 unless `flags` has O_CREAT
 * @param resolve bits of {@link RESOLVE}
 */
export function openat2(dirfd: number, path: string, flags: number, mode: number, resolve: number): number {
  const directory = dirfdArgument('openat2', dirfd);
  const text = textArgument('openat2', 'path', path);
  const allFlags = integerArgument('openat2', 'flags', flags, 0, 0x7fffffff) | O_CLOEXEC;
  integerArgument('openat2', 'mode', mode, 0, 0o7777);
  integerArgument('openat2', 'resolve', resolve, 0, 0x3f);
  let outcome = addon().openat2(directory, text, allFlags, mode, resolve);
  // With `..` in the path the kernel gives up when anything on the system is renamed meanwhile, and asks to try again.
  for (let tries = 1; tries < 32 && failedWith(outcome, 'EAGAIN'); tries++) {
    outcome = addon().openat2(directory, text, allFlags, mode, resolve);
  }
  return checked(outcome, 'openat2', path);
}

/** @param mode permission bits, less the umask */
export function mkdirat(dirfd: number, path: string, mode: number): void {
  const directory = dirfdArgument('mkdirat', dirfd);
  const text = textArgument('mkdirat', 'path', path);
  integerArgument('mkdirat', 'mode', mode, 0, 0o7777);
  checked(addon().mkdirat(directory, text, mode), 'mkdirat', path);
}

const nodeTypes: readonly number[] = [
  constants.S_IFREG,
  constants.S_IFIFO,
  constants.S_IFSOCK,
  constants.S_IFCHR,
  constants.S_IFBLK,
];

/**
 * Makes a device, a pipe, a socket's name or an empty file.
 *
 * @param mode the type (`S_IF…` of `fs.constants`) and permission bits, less the umask
 * @param major and `minor`: 0 but for devices
 */
export function mknodat(dirfd: number, path: string, mode: number, major: number, minor: number): void {
  const directory = dirfdArgument('mknodat', dirfd);
  const text = textArgument('mknodat', 'path', path);
  integerArgument('mknodat', 'mode', mode, 0, 0o177777);
  if (!nodeTypes.includes(mode & constants.S_IFMT)) throw wrongArgument('mknodat', 'mode', 'of a type S_IF…', mode);
  integerArgument('mknodat', 'major', major, 0, 0xfff);
  integerArgument('mknodat', 'minor', minor, 0, 0xfffff);
  checked(addon().mknodat(directory, text, mode, major, minor), 'mknodat', path);
}

/** Removes a name; `'directory'` an empty directory. */
export function unlinkat(dirfd: number, path: string, type: 'file' | 'directory'): void {
  const directory = dirfdArgument('unlinkat', dirfd);
  const text = textArgument('unlinkat', 'path', path);
  if (type !== 'file' && type !== 'directory') throw wrongArgument('unlinkat', 'type', 'file or directory', type);
  checked(addon().unlinkat(directory, text, type === 'directory' ? AT_REMOVEDIR : 0), 'unlinkat', path);
}

/**
 * Sets times in nanoseconds since 1970, as `bigint` stats give them; `undefined` leaves a time as it is.
 *
 * A filesystem that cannot hold a time stores the nearest that it can, without an error.
 *
 * @param nofollow set the times of a symlink itself
 */
export function utimensat(
  dirfd: number,
  path: string,
  atimeNs: bigint | undefined,
  mtimeNs: bigint | undefined,
  nofollow: boolean,
): void {
  const directory = dirfdArgument('utimensat', dirfd);
  const text = textArgument('utimensat', 'path', path);
  const [atimeSeconds, atimeRest] = timeArgument('atimeNs', atimeNs);
  const [mtimeSeconds, mtimeRest] = timeArgument('mtimeNs', mtimeNs);
  if (typeof nofollow !== 'boolean') throw wrongArgument('utimensat', 'nofollow', 'a boolean', nofollow);
  const flags = nofollow ? AT_SYMLINK_NOFOLLOW : 0;
  checked(
    addon().utimensat(directory, text, atimeSeconds, atimeRest, mtimeSeconds, mtimeRest, flags),
    'utimensat',
    path,
  );
}

const SECOND = 1_000_000_000n;

function timeArgument(name: string, time: bigint | undefined): [seconds: number, nanoseconds: number | null] {
  if (time === undefined) return [0, null];
  if (typeof time !== 'bigint') throw wrongArgument('utimensat', name, 'a bigint or undefined', time);
  // The nanoseconds count upwards in a time before 1970 too.
  const rest = ((time % SECOND) + SECOND) % SECOND;
  const seconds = Number((time - rest) / SECOND);
  if (!Number.isSafeInteger(seconds)) throw wrongArgument('utimensat', name, 'less than 2^53 seconds from 1970', time);
  return [seconds, Number(rest)];
}

/** What `chattr` sets: some of the bits of {@link getFileFlags}. */
export const FILE_FLAG = {
  SYNC: 0x08,
  IMMUTABLE: 0x10,
  APPEND: 0x20,
  NODUMP: 0x40,
  NOATIME: 0x80,
  DIRSYNC: 0x10000,
  NOCOW: 0x800000,
  PROJINHERIT: 0x20000000,
} as const;

/**
 * The attribute flags of an open file or directory, with bits that only the filesystem sets.
 *
 * @throws SystemError `ENOTTY` or `ENOTSUP` where the filesystem knows none
 */
export function getFileFlags(fd: number): number {
  return checked(addon().getFlags(fdArgument('getFileFlags', fd)), 'ioctl');
}

/** Sets all flags at once, so start from {@link getFileFlags}. IMMUTABLE and APPEND are for root. */
export function setFileFlags(fd: number, flags: number): void {
  const all = integerArgument('setFileFlags', 'flags', flags, 0, 0xffffffff);
  checked(addon().setFlags(fdArgument('setFileFlags', fd), all), 'ioctl');
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

/**
 * Where data begins at or after `offset`; `undefined` when the rest of the file is a hole, or `offset` is past its end.
 * Moves the position of `fd`.
 */
export function seekData(fd: number, offset: bigint): bigint | undefined {
  return seek('seekData', fd, offset, SEEK_DATA);
}

/** Where a hole begins at or after `offset`; the end of the file counts as one. As {@link seekData} otherwise. */
export function seekHole(fd: number, offset: bigint): bigint | undefined {
  return seek('seekHole', fd, offset, SEEK_HOLE);
}

function seek(verb: string, fd: number, offset: bigint, whence: number): bigint | undefined {
  const outcome = addon().lseek(fdArgument(verb, fd), offsetArgument(verb, offset), whence);
  if (failedWith(outcome, 'ENXIO')) return undefined;
  return checked(outcome, 'lseek');
}

const lockOperations = { shared: 1, exclusive: 2, unlock: 8 } as const;
const LOCK_NB = 4;

/**
 * Locks an open file against others that lock it. The lock belongs to what was opened, so a second `open` in the same
 * process competes too; it ends when that is closed everywhere, also by the death of the process.
 *
 * @param nonblocking otherwise the whole process stands still until the lock is free
 * @returns `false` when somebody else has it
 */
export function flock(fd: number, lock: keyof typeof lockOperations, nonblocking: boolean): boolean {
  if (!Object.hasOwn(lockOperations, lock)) throw wrongArgument('flock', 'lock', 'shared, exclusive or unlock', lock);
  if (typeof nonblocking !== 'boolean') throw wrongArgument('flock', 'nonblocking', 'a boolean', nonblocking);
  const outcome = addon().flock(fdArgument('flock', fd), lockOperations[lock] | (nonblocking ? LOCK_NB : 0));
  if (nonblocking && failedWith(outcome, 'EAGAIN')) return false;
  checked(outcome, 'flock');
  return true;
}

/**
 * A pipe, of which no end is inherited by other programs unless it is given to them. Both are the caller's to close.
 *
 * @param size bytes that it should hold; it may hold fewer
 */
export function makePipe(size: number): { readonly read: number; readonly write: number } {
  const ends = checked(addon().pipe(integerArgument('makePipe', 'size', size, 4096, 1 << 30)), 'pipe2');
  return { read: ends % 2 ** 31, write: Math.floor(ends / 2 ** 31) };
}
