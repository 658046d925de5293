/** Everything about a file but its content, set on what is there: owner, attributes and ACLs, mode, time. */
import { chmodSync, chownSync } from 'node:fs';
import { isSystemError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { AT_FDCWD, getFileFlags, setFileFlags, utimensat } from '../../native/file.ts';
import { listXattrs, removeXattr, setXattr } from '../../native/xattr.ts';
import { type Entry, flagLetters } from '../entry.ts';
import { type Held, holding, reading } from './held.ts';
import { isRoot } from './rights.ts';

/** Attributes that are somebody's own. Others that a point lacks are the system's, such as a label. */
export const removable = /^(?:user\.|trusted\.|system\.posix_acl_|security\.capability$)/;

/**
 * Sets them in the order in which none undoes another: an owner takes set-uid and capabilities away, an ACL changes the mode.
 *
 * @param problem told what could not be set, and why; the others are set all the same
 */
export function setAttributes(held: Held, entry: Entry, problem: (what: string) => void): void {
  const { path } = held;
  // Also with the owner that it has: only who asks to keep it may change another's file.
  if (isRoot) noting('owner', () => chownSync(path, entry.uid, entry.gid));
  noting('attributes', () =>
    reading(held, (file) => {
      for (const name of listXattrs(file)) {
        if (entry.xattrs?.[name] !== undefined || !removable.test(name)) continue;
        noting(`absence of ${name}`, () => removeXattr(file, name));
      }
      for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
        noting(`attribute ${name}`, () => setXattr(file, name, Buffer.from(value, 'base64')));
      }
    }),
  );
  if (entry.type !== 'symlink') noting('mode', () => chmodSync(path, entry.mode));
  noting('modification time', () => utimensat(AT_FDCWD, path, undefined, BigInt(entry.mtimeNs), false));

  function noting(what: string, set: () => void): void {
    try {
      set();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      problem(`${what} cannot be restored: ${error.message}`);
    }
  }
}

/** `chmod` follows a symlink that somebody may have put there meanwhile; a handle to what is there does not. */
export function chmodItself(path: Buffer, mode: number): void {
  holding(nameFromBytes(path), ({ stats, path: held }) => {
    if (!stats.isSymbolicLink()) chmodSync(held, mode);
  });
}

/** Bits of `FS_IOC_SETFLAGS`, by the letters of lsattr. */
const flagBits: Readonly<Record<string, number>> = {
  s: 0x1,
  u: 0x2,
  c: 0x4,
  S: 0x8,
  i: 0x10,
  a: 0x20,
  d: 0x40,
  A: 0x80,
  j: 0x4000,
  t: 0x8000,
  D: 0x10000,
  T: 0x20000,
  C: 0x800000,
  P: 0x20000000,
};
const kept = bitsOf(flagLetters);
/** What keeps a file from being changed, also by us. */
const locking = 0x30;

/**
 * Sets the flags that `chattr` sets. The last thing that is done to a file: one of them may be that nothing more can be.
 *
 * @param flags letters; the empty string for none
 * @throws SystemError
 */
export function setFlags(held: Held, flags: string): void {
  withFlags(held, (before) => (before & ~kept) | bitsOf(flags));
}

/**
 * Takes from a file or directory the flags that would keep it from being changed; no flag is no error.
 *
 * @returns what was taken, for {@link lock}
 */
export function unlock(held: Held): number {
  let taken = 0;
  try {
    withFlags(held, (before) => {
      taken = before & locking;
      return before & ~locking;
    });
    return taken;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return 0;
  }
}

/** @throws SystemError */
export function lock(held: Held, flags: number): void {
  if (flags !== 0) withFlags(held, (before) => before | flags);
}

/** Of a file or directory, the letters that {@link setFlags} takes; `''` for none, or where there are none to be had. */
export function readFlags(path: string): string {
  let letters = '';
  try {
    holding(path, (held) =>
      withFlags(held, (flags) => {
        letters = lettersOf(flags);
        return flags;
      }),
    );
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  return letters;
}

/** Those of them that are kept, of what the kernel says. */
export function lettersOf(flags: number): string {
  return flagLetters
    .split('')
    .filter((letter) => (flags & (flagBits[letter] ?? 0)) !== 0)
    .join('');
}

function bitsOf(letters: string): number {
  return letters.split('').reduce((bits, letter) => bits | (flagBits[letter] ?? 0), 0);
}

function withFlags(held: Held, change: (flags: number) => number): void {
  if (!held.stats.isFile() && !held.stats.isDirectory()) return;
  reading(held, (file) => {
    if (typeof file === 'string') return;
    const before = getFileFlags(file);
    const after = change(before) >>> 0;
    if (after === before) return;
    // As long as one of them keeps it from being changed, some filesystems take no change of the others.
    if ((before & after & locking) !== 0) setFileFlags(file, (before & ~locking) >>> 0);
    setFileFlags(file, after);
  });
}
