/** Files of a recovered system as it will see them itself: symlinks lead to where they will lead when its root is the root. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { isSystemError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { O_PATH, openat2, RESOLVE } from '../native/file.ts';

export interface Inside {
  /** `undefined` for what is not there. */
  stat(path: string): Stats | undefined;
  /** The path without symlinks in it; of what is not there, the path itself. */
  real(path: string): string;
  /** The beginning of a file; `undefined` where there is none. */
  head(path: string, length: number): Buffer | undefined;
  /** A small file; `undefined` where there is none. */
  text(path: string): string | undefined;
  /** Names in a directory, sorted; none where there is no such directory. */
  names(path: string): readonly string[];
  /** The path as it is written there, found as FAT finds it, without regard to case; `undefined` where there is none. */
  spelled(path: string): string | undefined;
}

const mostText = 4 * 1024 * 1024;

/** @param root its real path */
export function insideOf(root: string): Inside {
  const open = (path: string, flags: number): number | undefined => {
    const top = openSync(nameToBytes(root), O_PATH | constants.O_DIRECTORY);
    try {
      return openat2(top, path.replace(/^\/+/, '') || '.', flags, 0, RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS);
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return undefined;
    } finally {
      closeSync(top);
    }
  };
  const opened = <T>(path: string, flags: number, use: (fd: number) => T): T | undefined => {
    const fd = open(path, flags);
    if (fd === undefined) return undefined;
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  };
  const inside: Inside = {
    stat: (path) => opened(path, O_PATH, (fd) => fstatSync(fd)),
    real: (path) => {
      const found = opened(path, O_PATH, (fd) =>
        nameFromBytes(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })),
      );
      return found === undefined ? path : found === root ? '/' : found.slice(root === '/' ? 0 : root.length);
    },
    head: (path, length) => {
      if (inside.stat(path)?.isFile() !== true) return undefined;
      return opened(path, constants.O_RDONLY | constants.O_NONBLOCK, (fd) => {
        const buffer = Buffer.alloc(length);
        let filled = 0;
        for (let read = -1; read !== 0 && filled < length; filled += read)
          read = readSync(fd, buffer, filled, length - filled, filled);
        return buffer.subarray(0, filled);
      });
    },
    text: (path) => {
      const bytes = inside.head(path, mostText);
      return bytes === undefined ? undefined : nameFromBytes(bytes);
    },
    names: (path) =>
      opened(path, constants.O_RDONLY | constants.O_DIRECTORY, (fd) =>
        readdirSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })
          .map((name) => nameFromBytes(name))
          .sort(),
      ) ?? [],
    spelled: (path) => {
      let found = '';
      for (const part of path.split('/').filter((one) => one !== '')) {
        const names = inside.names(found === '' ? '/' : found);
        const name = names.includes(part) ? part : names.find((one) => one.toLowerCase() === part.toLowerCase());
        if (name === undefined) return undefined;
        found += `/${name}`;
      }
      return found === '' ? '/' : found;
    },
  };
  return inside;
}
