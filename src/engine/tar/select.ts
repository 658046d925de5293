/** Which entries of a manifest a restore takes, and whether they may be restored at all. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { Entry } from '../entry.ts';
import { relativePath } from './commands.ts';
import { isBelow, parentOf } from './include.ts';
import type { Manifest } from './manifest-object.ts';
import type { Findings } from './stderr.ts';

export interface Selection {
  /** Entries in all, and the bytes of their files. */
  readonly entries: number;
  readonly bytes: number;
  readonly everything: boolean;
  has(path: string): boolean;
}

/**
 * Paths given, everything below them, the directories above them, and the files that hard links among them name.
 *
 * @param paths absolute; empty for everything
 * @throws LifeboatError `archive-unsafe`, `usage`, `not-found` when none of the paths is there
 */
export async function select(manifest: Manifest, paths: readonly string[], findings: Findings): Promise<Selection> {
  const wanted = paths.map(relativePath);
  const everything = wanted.length === 0 || wanted.includes('');
  const above = new Set(wanted.flatMap((path) => [...pathsAbove(path)]));
  const alsoFiles = new Set<string>();
  const found = new Set<string>();
  const given = (path: string) => {
    const match = wanted.find((one) => one === path || isBelow(path, one));
    if (match !== undefined) found.add(match);
    return match !== undefined;
  };
  const safety = safetyCheck();
  for await (const entry of manifest.entries()) {
    safety(entry);
    if (everything || entry.type !== 'hardlink' || entry.link === undefined) {
      if (!everything) given(entry.path);
      continue;
    }
    if (given(entry.path) && !given(entry.link) && !alsoFiles.has(entry.link)) {
      alsoFiles.add(entry.link);
      for (const parent of pathsAbove(entry.link)) above.add(parent);
      findings.add(`/${entry.link}`, `restored too: /${entry.path} is another name of it`);
    }
  }
  if (!everything && found.size === 0) {
    const names = paths.map((path) => JSON.stringify(path)).join(', ');
    throw new LifeboatError('not-found', `nothing of this is in the recovery point: ${names}`, {
      hint: 'Give paths as they were on the host; lifeboat points show tells what was backed up.',
    });
  }
  for (const path of wanted) {
    if (!everything && !found.has(path)) findings.add(`/${path}`, 'is not in the recovery point');
  }
  const has = (path: string) => everything || given(path) || above.has(path) || alsoFiles.has(path);
  let entries = 0;
  let bytes = 0;
  for await (const entry of manifest.entries()) {
    if (!has(entry.path)) continue;
    entries++;
    bytes += entry.size;
  }
  return { entries, bytes, everything, has };
}

function* pathsAbove(path: string): Iterable<string> {
  if (path === '') return;
  for (let parent = parentOf(path); parent !== ''; parent = parentOf(parent)) yield parent;
  yield '';
}

/** Throws `archive-unsafe` for what would leave the directory; the confined tar is the second wall behind it. */
export function safetyCheck(): (entry: Entry) => void {
  const symlinks = new Set<string>();
  return ({ path, type, link }) => {
    checkName(path);
    if (type === 'hardlink') checkName(link ?? '/');
    for (const one of type === 'hardlink' ? [path, link ?? ''] : [path]) {
      for (const parent of pathsAbove(one)) {
        if (symlinks.has(parent)) throw unsafe(path, `it lies below /${parent}, which is a symlink`);
      }
    }
    if (type === 'symlink') symlinks.add(path);
  };
}

function checkName(path: string): void {
  if (path.startsWith('/')) throw unsafe(path, 'it is absolute');
  if (path.includes('\0')) throw unsafe(path, 'it holds a NUL byte');
  if (path.split('/').includes('..')) throw unsafe(path, 'it holds ".."');
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
