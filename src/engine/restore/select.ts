/** Which entries of a point a restore takes, and whether they may be restored at all. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { Entry, EntryType } from '../entry.ts';
import { parentOf } from '../tar/include.ts';
import type { Findings } from '../tar/stderr.ts';
import { type Choice, choices } from './choose.ts';

export interface Selection {
  /** Also the directories above what was chosen. */
  has(path: string): boolean;
  /** Chosen itself, or as the file that a chosen hard link names. */
  chose(path: string): boolean;
}

/**
 * Paths and patterns given, everything below them, the directories above them, and the files that hard links among them
 * name. To know them takes a look at all entries; for everything, none.
 *
 * @param paths absolute; empty for everything
 * @throws LifeboatError `usage`, `not-found` when none of the paths is there
 */
export async function select(
  entries: () => AsyncIterable<Entry>,
  paths: readonly string[],
  findings: Findings,
): Promise<Selection> {
  const wanted = await choices(paths, entries);
  if (wanted.length === 0 || wanted.some(({ path }) => path === '')) return { has: () => true, chose: () => true };
  const above = new Set(wanted.filter(({ literal }) => literal).flatMap(({ path }) => [...pathsAbove(path)]));
  const alsoFiles = new Set<string>();
  const found = new Set<Choice>();
  const given = (path: string) => wanted.find((choice) => choice.matches(path));
  for await (const entry of entries()) {
    const choice = given(entry.path);
    if (choice === undefined) continue;
    found.add(choice);
    if (!choice.literal) for (const parent of pathsAbove(entry.path)) above.add(parent);
    const { link } = entry;
    if (entry.type !== 'hardlink' || link === undefined || given(link) || alsoFiles.has(link)) continue;
    alsoFiles.add(link);
    for (const parent of pathsAbove(link)) above.add(parent);
    findings.add(`/${link}`, `restored too: /${entry.path} is another name of it`);
  }
  if (found.size === 0) {
    const names = paths.map((path) => JSON.stringify(path)).join(', ');
    throw new LifeboatError('not-found', `nothing of this is in the recovery point: ${names}`, {
      hint: 'Give paths as they were on the host; lifeboat points show tells what was backed up.',
    });
  }
  for (const choice of wanted) {
    if (!found.has(choice)) findings.add(choice.given, 'is not in the recovery point');
  }
  const chose = (path: string) => given(path) !== undefined || alsoFiles.has(path);
  return { chose, has: (path) => chose(path) || above.has(path) };
}

/** The directories above a path up to `''`, the nearest first. */
export function* pathsAbove(path: string): IteratorObject<string> {
  if (path === '') return;
  for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) yield parent;
  yield '';
}

type Named = { readonly path: string; readonly type: EntryType; readonly link?: string | undefined };

/** Throws `archive-unsafe` for what would leave the directory; the confined tar is the second wall behind it. */
export function safetyCheck(): (entry: Named) => void {
  const symlinkAbove = symlinkCheck();
  return (entry) => {
    const symlink = symlinkAbove(entry);
    if (symlink !== undefined) throw unsafe(entry.path, `it lies below /${symlink}, which is a symlink`);
  };
}

/**
 * Tells for each entry the symlink that it, or the file it is another name of, lies below. A point has such entries when
 * somebody put a symlink in place of a directory while it was backed up: they are not what was there, and are left out.
 *
 * @throws LifeboatError (the check) `archive-unsafe` for a name that would leave the directory by itself
 */
export function symlinkCheck(): (entry: Named) => string | undefined {
  const symlinks = new Set<string>();
  /** Of the directory that was asked for last: entries of one directory follow one another. */
  let last: { readonly directory: string; readonly symlink: string | undefined } | undefined;
  const above = (path: string): string | undefined => {
    if (path === '') return undefined;
    const directory = parentOf(path);
    if (last?.directory !== directory) {
      last = { directory, symlink: pathsAbove(path).find((name) => symlinks.has(name)) };
    }
    return last.symlink;
  };
  return ({ path, type, link }) => {
    checkName(path);
    if (type === 'hardlink') checkName(link ?? '/');
    if (type === 'symlink') {
      symlinks.add(path);
      last = undefined;
    }
    if (symlinks.size === 0) return undefined;
    return above(path) ?? (type === 'hardlink' ? above(link ?? '') : undefined);
  };
}

/** A finding about several entries. */
export function notRestored(why: string, entries: number): string {
  return `${why}: ${entries === 1 ? '1 entry' : `${entries} entries`} not restored`;
}

export const belowSymlink = 'is a symlink in the point, and what the point has below it was read through it';

function checkName(path: string): void {
  if (path.startsWith('/')) throw unsafe(path, 'it is absolute');
  if (path.includes('\0')) throw unsafe(path, 'it holds a NUL byte');
  if (path.includes('..') && path.split('/').includes('..')) throw unsafe(path, 'it holds ".."');
}

function unsafe(path: string, why: string): LifeboatError {
  return new LifeboatError(
    'archive-unsafe',
    `the archive is not restored: of the name ${JSON.stringify(path)}: ${why}`,
    {
      hint: 'The archive was not made by lifeboat, or was changed since. Look at it with "tar -t".',
    },
  );
}
