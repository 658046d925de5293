/**
 * From the stage to the destination: each entry is moved over what is there, in one step, so that the old or the new stands
 * under its name and never a half. Nothing is moved over what is not as it was when that was agreed to.
 */
import {
  type BigIntStats,
  type Dirent,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { hasErrno, isSystemError } from '../../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { Entry } from '../entry.ts';
import { typeOf } from '../walk.ts';
import type { Findings } from '../tar/stderr.ts';
import { chmodItself, setAttributes, setFlags, unlock } from './attributes.ts';
import { beneath } from './beneath.ts';
import { attributeDifferences, type Comparison, type Now, nowOf } from './compare.ts';
import { type Held, holding, inodeOf } from './held.ts';
import { inspect, pathBelow } from './inspect.ts';
import { isRoot } from './rights.ts';
import { type Stage, stagedIn } from './stage.ts';

export interface Placing {
  /** The destination, its real path. */
  readonly directory: string;
  readonly stage: Stage;
  readonly comparison: Comparison;
  readonly findings: Findings;
  /** Told just before something is moved to where nothing is. */
  readonly onCreate: (path: string, staged: BigIntStats) => void;
}

/** Moves all that is staged. What was there before and is no more is what `comparison` said. */
export async function place(placing: Placing, signal: AbortSignal): Promise<void> {
  linkNames(placing);
  const tops = ['', ...placing.stage.elsewhere.map(({ path }) => path)];
  const isTop = new Set(tops);
  const pending = [...tops];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const { name } of staged(placing.stage, path)) {
      throwIfAborted(signal);
      const child = path === '' ? nameFromBytes(name) : `${path}/${nameFromBytes(name)}`;
      if (isTop.has(child)) continue;
      if (move(placing, child) === 'merge') pending.push(child);
    }
  }
}

/** Gives what is there already the attributes of the point; the last of it what keeps it from being changed again. */
export async function finishAttributes(placing: Placing, signal: AbortSignal): Promise<void> {
  const { comparison, directory, findings } = placing;
  for (const change of comparison.changes.values()) {
    if (change.action !== 'attributes' || change.entry.type === 'directory') continue;
    throwIfAborted(signal);
    await mend(placing, change.entry, change, signal);
  }
  for (const { entry, inode } of comparison.directories.toReversed()) await mend(placing, entry, { inode }, signal);
  for (const entry of comparison.flagged.toReversed()) {
    try {
      beneath(directory, entry.path, (at) =>
        holding(at, (held) => {
          if (isLike(held, entry)) setFlags(held, entry.flags ?? '');
          else findings.add(`/${entry.path}`, 'was changed meanwhile, and left as it is');
        }),
      );
    } catch (error) {
      if (!isSystemError(error)) throw error;
      findings.add(`/${entry.path}`, `flags ${entry.flags} cannot be set: ${error.message}`);
    }
  }
}

async function mend(
  { directory, findings }: Placing,
  entry: Entry,
  agreed: { readonly inode: string | undefined; readonly now?: Now },
  signal: AbortSignal,
): Promise<void> {
  const { path } = entry;
  const changed = () => findings.add(`/${path}`, 'was changed meanwhile, and left as it is');
  const before = await inspect(directory, path, () => false, signal);
  if (before?.entry?.type !== entry.type) return changed();
  const { inode = before.inode, now } = agreed;
  if (before.inode !== inode || (now !== undefined && !isDeepStrictEqual(nowOf(before.stats), now))) return changed();
  if (attributeDifferences(directory, entry, before).length === 0) return;
  let problem: string | undefined;
  try {
    const done = beneath(directory, path, (at) =>
      holding(at, (held) => {
        if (inodeOf(held.stats) !== inode) return false;
        unlock(held);
        setAttributes(held, entry, (text) => (problem ??= text));
        return true;
      }),
    );
    if (!done) return changed();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    problem = error.message;
  }
  const { flags: _, ...wanted } = entry;
  const after = await inspect(directory, path, () => false, signal);
  for (const difference of after === undefined ? ['is gone'] : attributeDifferences(directory, wanted, after)) {
    findings.add(`/${path}`, problem === undefined ? difference : `${difference} (${problem})`);
  }
}

function staged(stage: Stage, path: string): Dirent<Buffer>[] {
  try {
    return readdirSync(pathBelow(stagedIn(stage, path), path), { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** With the owner of the point, which who swapped names could not give to anything else. */
function isLike({ stats }: Held, { type, uid, gid }: Entry): boolean {
  return typeOf(stats) === type && (!isRoot || (stats.uid === BigInt(uid) && stats.gid === BigInt(gid)));
}

/** Further names of files that stay as they are. */
function linkNames({ directory, stage, comparison, findings }: Placing): void {
  for (const [path, change] of comparison.changes) {
    if (change.action === 'attributes' || change.link === undefined) continue;
    const { link } = change;
    const at = pathBelow(stagedIn(stage, path), path);
    try {
      mkdirSync(nameToBytes(dirname(nameFromBytes(at))), { recursive: true });
      beneath(directory, link.path, (first) => linkSync(nameToBytes(first), at));
      if (inodeOf(lstatSync(at, { bigint: true })) !== link.inode) {
        unlinkSync(at);
        findings.add(`/${path}`, `cannot be made a name of /${link.path}: that was changed meanwhile`);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      findings.add(`/${path}`, `cannot be made a name of /${link.path}: ${error.message}`);
    }
  }
}

function move({ directory, stage, comparison, findings, onCreate }: Placing, path: string): 'merge' | 'moved' | 'left' {
  const from = pathBelow(stagedIn(stage, path), path);
  const staged = lstatSync(from, { bigint: true });
  const isDirectory = staged.isDirectory();
  const change = comparison.changes.get(path);
  try {
    return beneath(directory, path, (to) => {
      const there = lstatSync(nameToBytes(to), { bigint: true, throwIfNoEntry: false });
      if (there === undefined) {
        onCreate(path, staged);
        rename(from, to, isDirectory);
        return 'moved';
      }
      if (isDirectory && there.isDirectory()) return 'merge';
      if (change?.action !== 'replace' || !isDeepStrictEqual(nowOf(there), change.now)) {
        findings.add(`/${path}`, 'was changed meanwhile, and left as it is');
        return 'left';
      }
      if (there.isFile()) {
        holding(to, (held) => {
          if (inodeOf(held.stats) === inodeOf(there)) unlock(held);
        });
      }
      if (there.isDirectory()) rmdirSync(nameToBytes(to));
      // A directory cannot be moved over anything else.
      else if (isDirectory) unlinkSync(nameToBytes(to));
      rename(from, to, isDirectory);
      return 'moved';
    });
  } catch (error) {
    if (!isSystemError(error)) throw error;
    findings.add(`/${path}`, `cannot be put in its place: ${error.message}`);
    return 'left';
  }
}

/** Whoever is not root may move a directory to another only if it can be written. */
function rename(from: Buffer, to: string, isDirectory: boolean): void {
  try {
    renameSync(from, nameToBytes(to));
  } catch (error) {
    if (!isDirectory || !hasErrno(error, 'EACCES')) throw error;
    const { mode } = lstatSync(from);
    chmodItself(from, 0o700);
    renameSync(from, nameToBytes(to));
    chmodItself(nameToBytes(to), mode & 0o7777);
  }
}
