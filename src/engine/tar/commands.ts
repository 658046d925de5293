/** The command lines of GNU tar: what runs on hosts and on disks is an interface of ours, and tested as one. */
import { LifeboatError } from '../../kernel/errors.ts';
import { nameToBytes } from '../../kernel/text.ts';
import type { Argv } from '../../host/host.ts';

/** For what reasons, see `docs/decisions/0006-tar-engine.md`. */
const attributes = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--quoting-style=c'] as const;

/**
 * Writes an archive of exactly the names on stdin ({@link namesOnStdin}) to stdout; members are relative to `/`. In
 * large pieces, which a pipe passes on with fewer turns.
 */
export function createArgv(): Argv {
  return [
    'tar',
    '--create',
    '--file=-',
    '--directory=/',
    '--format=posix',
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--blocking-factor=512',
    '--sparse',
    ...attributes,
    '--no-recursion',
    '--null',
    '--verbatim-files-from',
    '--files-from=-',
  ];
}

/** Restores the archive on stdin into the working directory, never over what is there. */
export function extractArgv(asRoot: boolean): Argv {
  return [
    'tar',
    '--extract',
    '--file=-',
    ...attributes,
    '--same-permissions',
    asRoot ? '--same-owner' : '--no-same-owner',
    '--delay-directory-restore',
    '--keep-old-files',
    // Odd times are restored all the same, and compared afterwards.
    '--warning=no-timestamp',
  ];
}

/** `/etc/` → `etc`; `/` → `''`. */
export function relativePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  if (!path.startsWith('/') || path.includes('\0') || parts.includes('..') || parts.includes('.')) {
    throw new LifeboatError('usage', `not an absolute path without "." and "..": ${JSON.stringify(path)}`);
  }
  return parts.join('/');
}

/** Paths without a leading slash, `''` for the root, each closed by a NUL. */
export function namesOnStdin(paths: readonly string[]): Buffer {
  return nameToBytes(paths.map((path) => `${path === '' ? '.' : path}\0`).join(''));
}

/** Each name closed by a NUL. Of millions not all are copied at once. */
export async function* namesInParts<T>(items: readonly T[], nameOf: (item: T) => string): AsyncIterable<Uint8Array> {
  const atOnce = 10_000;
  for (let at = 0; at < items.length; at += atOnce) {
    const names = items.slice(at, at + atOnce).map((item) => `${nameOf(item)}\0`);
    yield nameToBytes(names.join(''));
  }
}
