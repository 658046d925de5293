/** The command lines of GNU tar: what runs on hosts and on disks is an interface of ours, and tested as one. */
import { LifeboatError } from '../../kernel/errors.ts';
import { nameToBytes } from '../../kernel/text.ts';
import type { Argv } from '../../host/host.ts';

/** For what reasons, see `docs/decisions/0006-tar-engine.md`. */
const attributes = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '--quoting-style=c'] as const;

/** Writes an archive of the names on stdin ({@link namesOnStdin}) to stdout; members are relative to `/`. */
export function createArgv(exclude: readonly string[], leaveOut: readonly string[]): Argv {
  return [
    'tar',
    '--create',
    '--file=-',
    '--directory=/',
    '--format=posix',
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '--sort=name',
    '--one-file-system',
    '--sparse',
    ...attributes,
    // These govern the --exclude that follow, up to the next of their kind.
    '--no-wildcards',
    '--anchored',
    ...leaveOut.flatMap(leaveOutOptions),
    '--wildcards',
    '--wildcards-match-slash',
    ...exclude.flatMap(excludeOptions),
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

/**
 * A pattern that begins with a slash is a whole path, any other matches after any slash. A member is called `etc/x`, or
 * `./etc/x` where all of `/` is archived.
 */
function excludeOptions(pattern: string): string[] {
  const relative = pattern.replace(/^\/+/, '').replace(/\/+$/, '');
  if (relative === '')
    throw new LifeboatError('usage', `a pattern to exclude must name something: ${JSON.stringify(pattern)}`);
  if (!pattern.startsWith('/')) return ['--no-anchored', `--exclude=${relative}`];
  return ['--anchored', `--exclude=${relative}`, `--exclude=./${relative}`];
}

function leaveOutOptions(path: string): string[] {
  const relative = relativePath(path);
  // As an argument it would reach tar as another name, and be archived without a word.
  if (relative === '' || !path.isWellFormed()) {
    throw new LifeboatError('usage', `cannot be left out of a backup: ${JSON.stringify(path)}`);
  }
  return [`--exclude=${relative}`, `--exclude=./${relative}`];
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
  return Buffer.concat(paths.flatMap((path) => [nameToBytes(path === '' ? '.' : path), Buffer.of(0)]));
}
