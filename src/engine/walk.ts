/**
 * What is in a directory of this machine, entry by entry with every attribute and hash: the other side of a comparison.
 * It follows no symlink and crosses into whatever is mounted below. What vanishes under its hands is not there; directories
 * are read a little ahead.
 */
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { hasErrno, isSystemError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { type DirectoryEntry, type Facts, readDirectory } from '../native/directory.ts';
import { getXattr, listXattrs } from '../native/xattr.ts';
import type { Batches } from './compare.ts';
import type { Entry, EntryType } from './entry.ts';

export interface WalkOptions {
  /** Read files too. Without it entries have no `sha256`. */
  readonly hash: boolean;
  /** Do not go into directories on which another filesystem is mounted; they themselves are there. @default false */
  readonly oneFileSystem?: boolean;
  /** Absolute paths below `root` that are left out, with everything below them. @default none */
  readonly skip?: readonly string[];
}

/** An entry that was found, never of the type `hardlink`; equal `inode`s of several names are one file. */
export interface Found {
  readonly entry: Entry;
  readonly inode: string;
  /** Number of names, by which files that have several are known. */
  readonly links: number;
  /** Why the content has no hash, or a directory no entries. */
  readonly unreadable?: string;
}

/**
 * The entries of a tree: a directory before what is in it, and that by name (as bytes). Sockets are left out.
 *
 * @param root directory that stands for `/`
 * @param prefix path below it, where the walk begins; `''` for all
 */
export async function* walkTree(
  root: string,
  prefix: string,
  options: WalkOptions,
  signal: AbortSignal,
): AsyncIterable<Entry> {
  const names = new Map<string, string>();
  for await (const batch of findTree(root, prefix, options, signal)) {
    for (const { entry, inode, links } of batch) {
      const first = names.get(inode);
      if (first !== undefined) yield { ...entry, type: 'hardlink', link: first, size: 0 };
      else {
        if (links > 1 && entry.type !== 'directory') names.set(inode, entry.path);
        yield entry;
      }
    }
  }
}

/** {@link walkTree} without the decision which of several names of a file is the first, many entries at once. */
export async function* findTree(
  root: string,
  prefix: string,
  { hash, oneFileSystem = false, skip = [] }: WalkOptions,
  signal: AbortSignal,
): Batches<Found> {
  const hashes = new Map<string, string | undefined>();
  const skipped = new Set(skip.map((path) => path.slice(1)));
  const pending: Place[] = [];
  /** Those of them that are known to be entered, in the same order. */
  const directories: Place[] = [];
  let device: string | undefined;
  const isEntered = ({ entry, device: own }: Seen) => entry.type === 'directory' && !(oneFileSystem && own !== device);
  const add = (path: string, facts?: Facts): void => {
    if (skipped.has(path)) return;
    const place: Place = { path, full: path === '' ? root : `${root}/${path}`, seen: facts && seenAs(path, facts) };
    pending.push(place);
    if (place.seen !== undefined && isEntered(place.seen)) directories.push(place);
  };

  let found: Found[] = [];
  add(prefix);
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    throwIfAborted(signal);
    if (place === directories.at(-1)) directories.pop();
    const { path, full } = place;
    const seen = place.seen ?? look(path, full);
    if (seen === undefined) continue;
    const { entry, inode, links } = seen;
    device ??= seen.device;
    let unreadable: string | undefined;
    let sha256: string | undefined;
    if (entry.type === 'file' && hash) {
      try {
        sha256 = hashes.get(inode) ?? (await hashFile(nameToBytes(full), signal));
        if (links > 1) hashes.set(inode, sha256);
      } catch (error) {
        if (isGone(error)) continue;
        unreadable = refused(error);
      }
    }
    // As GNU tar: a file that is mounted on another is read, only directories are not entered.
    if (isEntered(seen)) {
      yield found;
      found = [];
      try {
        const entries = await (place.listing ?? readDirectory(full));
        for (const { name, facts } of entries.reverse()) add(path === '' ? name : `${path}/${name}`, facts);
        for (const next of directories.slice(-readAhead)) next.listing ??= begin(next);
      } catch (error) {
        if (isGone(error)) continue;
        unreadable = refused(error);
      }
    }
    found.push({
      entry: sha256 === undefined ? entry : { ...entry, sha256 },
      inode,
      links,
      ...(unreadable === undefined ? {} : { unreadable }),
    });
  }
  yield found;
}

/** Directories that are read while those before them are looked at. */
const readAhead = 4;

/** Where the walk comes to. */
interface Place {
  readonly path: string;
  readonly full: string;
  /** Unless it has to be looked at by itself. */
  readonly seen: Seen | undefined;
  listing?: Promise<DirectoryEntry[]>;
}

interface Seen {
  readonly entry: Entry;
  readonly device: string;
  readonly inode: string;
  readonly links: number;
}

function begin({ full }: Place): Promise<DirectoryEntry[]> {
  const listing = readDirectory(full);
  // Looked at in its turn, or never when the walk is left.
  listing.catch(() => undefined);
  return listing;
}

function seenAs(path: string, facts: Facts): Seen {
  const { kind: type, mode, uid, gid, mtimeNs, device, inode, links, link } = facts;
  const entry = { path, type, mode, uid, gid, mtimeNs, size: type === 'file' ? facts.size : 0 };
  return { entry: type === 'symlink' ? { ...entry, link } : entry, device, inode, links };
}

/** `undefined` for what is gone, and for a socket. */
function look(path: string, full: string): Seen | undefined {
  return unlessGone(() => {
    const stats = lstatSync(nameToBytes(full), { bigint: true });
    const type = typeOf(stats);
    if (type === undefined) return undefined;
    const entry = describe(full, path, type, stats, undefined);
    return { entry, device: String(stats.dev), inode: `${stats.dev}:${stats.ino}`, links: Number(stats.nlink) };
  });
}

/** An entry from what `lstat` said of it, with its link target and attributes. */
export function describe(
  full: string,
  path: string,
  type: EntryType,
  stats: BigIntStats,
  sha256: string | undefined,
): Entry {
  const xattrs: Record<string, string> = {};
  for (const key of listXattrs(full)) {
    const value = getXattr(full, key);
    if (value !== undefined) xattrs[key] = value.toString('base64');
  }
  return {
    path,
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeNs: String(stats.mtimeNs),
    size: type === 'file' ? Number(stats.size) : 0,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(type === 'symlink' ? { link: nameFromBytes(readlinkSync(nameToBytes(full), { encoding: 'buffer' })) } : {}),
    ...(type === 'char' || type === 'block' ? { device: deviceNumbers(stats.rdev) } : {}),
    ...(Object.keys(xattrs).length === 0 ? {} : { xattrs }),
  };
}

/** `undefined` for a socket. */
export function typeOf(stats: BigIntStats): EntryType | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'char';
  return stats.isBlockDevice() ? 'block' : undefined;
}

/** As glibc's `gnu_dev_major` and `gnu_dev_minor`. */
function deviceNumbers(device: bigint): { major: number; minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn)),
  };
}

const buffer = Buffer.allocUnsafe(1024 * 1024);

/**
 * In steps, between which others run: a file may be larger than memory.
 *
 * @param like no other file than this is read, if it is given
 */
export async function hashFile(path: Buffer, signal: AbortSignal, like?: BigIntStats): Promise<string> {
  const sha = createHash('sha256');
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file, { bigint: true });
    if (!stats.isFile()) return 'no longer a file';
    if (like !== undefined && (stats.ino !== like.ino || stats.dev !== like.dev)) return 'no longer this file';
    for (let round = 1; ; round++) {
      const length = readSync(file, buffer);
      if (length === 0) return sha.digest('hex');
      sha.update(buffer.subarray(0, length));
      if (round % 16 !== 0) continue;
      await setImmediate();
      throwIfAborted(signal);
    }
  } finally {
    closeSync(file);
  }
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (!isGone(error)) throw error;
    return undefined;
  }
}

/** The entry was removed, or replaced by one of another type, since its name or type was read. */
export function isGone(error: unknown): boolean {
  if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE', 'ENXIO')) return true;
  return isSystemError(error) && error.code === 'EINVAL' && error.syscall === 'readlink';
}

function refused(error: unknown): string {
  if (!hasErrno(error, 'EACCES', 'EPERM', 'EIO')) throw error;
  return error instanceof Error ? error.message : String(error);
}
