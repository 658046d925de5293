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
import { parentOf } from '../tar/include.ts';
import type { Findings } from '../tar/stderr.ts';
import { chmodItself, lock, unlock } from './attributes.ts';
import { beneath } from './beneath.ts';
import type { Comparison } from './comparison.ts';
import { nowOf } from './difference.ts';
import { type Held, holding, inodeOf } from './held.ts';
import { pathBelow } from './inspect.ts';
import { type Counts, type Stage, StageCounts, stagedIn, walkStage } from './stage.ts';

export interface Placing {
  /** The destination, its real path. */
  readonly directory: string;
  readonly stage: Stage;
  /** What there is in the stage. */
  readonly staged: Counts;
  readonly comparison: Comparison;
  readonly findings: Findings;
  /** Told just before something is moved to where nothing is. */
  readonly onCreate: (path: string, staged: BigIntStats) => void;
}

export interface Placed {
  /** With what is in directories that were created. */
  readonly created: number;
  readonly replaced: number;
  /** Of the files among them. */
  readonly bytes: number;
  /** What could not be put in its place, and is still in the stage. */
  readonly kept: number;
}

/** Moves all that is staged. What was there before and is no more is what `comparison` said. */
export async function place(placing: Placing, signal: AbortSignal): Promise<Placed> {
  const linked = linkNames(placing);
  const moves = new Moves(placing);
  try {
    await moveAll(placing, moves, signal);
  } finally {
    moves.lockAgain();
  }
  const { replaced, kept } = moves;
  const left = new StageCounts();
  for await (const batch of walkStage(placing.stage, false, signal)) for (const found of batch) left.add(found);
  const { entries, bytes } = placing.staged;
  return { created: entries + linked - left.entries - replaced, replaced, bytes: bytes - left.bytes, kept };
}

async function moveAll(placing: Placing, moves: Moves, signal: AbortSignal): Promise<void> {
  const tops = ['', ...placing.stage.elsewhere.map(({ path }) => path)];
  const isTop = new Set(tops);
  const pending = [...tops];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const { name } of staged(placing.stage, path)) {
      throwIfAborted(signal);
      const child = path === '' ? nameFromBytes(name) : `${path}/${nameFromBytes(name)}`;
      if (isTop.has(child)) continue;
      if (moves.move(child) === 'merge') pending.push(child);
    }
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

/** Further names of files that stay as they are. @returns how many were made */
function linkNames({ directory, stage, comparison, findings }: Placing): number {
  let made = 0;
  for (const [path, change] of comparison.changes) {
    if (change.action === 'attributes' || change.link === undefined) continue;
    const { link } = change;
    const at = pathBelow(stagedIn(stage, path), path);
    try {
      mkdirSync(nameToBytes(dirname(nameFromBytes(at))), { recursive: true });
      beneath(directory, link.path, (first) => linkSync(nameToBytes(first), at));
      if (inodeOf(lstatSync(at, { bigint: true })) === link.inode) made++;
      else {
        unlinkSync(at);
        findings.add(`/${path}`, `cannot be made a name of /${link.path}: that was changed meanwhile`);
      }
    } catch (error) {
      if (!isSystemError(error)) throw error;
      findings.add(`/${path}`, `cannot be made a name of /${link.path}: ${error.message}`);
    }
  }
  return made;
}

class Moves {
  replaced = 0;
  kept = 0;
  readonly #placing: Placing;
  /** Directories that were compared, by path. */
  readonly #directories: ReadonlyMap<string, string | undefined>;
  /** Flags that were taken from such, so that something could be put into them. */
  readonly #unlocked = new Map<string, number>();

  constructor(placing: Placing) {
    this.#placing = placing;
    this.#directories = new Map(placing.comparison.directories.map(({ entry, inode }) => [entry.path, inode]));
  }

  move(path: string): 'merge' | 'moved' | 'left' {
    try {
      return this.#move(path);
    } catch (error) {
      if (hasErrno(error, 'EPERM') && this.#unlock(parentOf(path))) return this.move(path);
      if (!isSystemError(error)) throw error;
      const { directory, stage, findings } = this.#placing;
      const kept = nameFromBytes(pathBelow(stagedIn(stage, path), path));
      findings.add(`/${path}`, `cannot be put in its place in ${directory}, and is kept in ${kept}: ${error.message}`);
      this.kept++;
      return 'left';
    }
  }

  #move(path: string): 'merge' | 'moved' | 'left' {
    const { directory, stage, comparison, findings, onCreate } = this.#placing;
    const from = pathBelow(stagedIn(stage, path), path);
    const staged = lstatSync(from, { bigint: true });
    const isDirectory = staged.isDirectory();
    const change = comparison.changes.get(path);
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
      holding(to, (held) => {
        const flags = there.isFile() && inodeOf(held.stats) === inodeOf(there) ? unlock(held) : 0;
        try {
          if (there.isDirectory()) rmdirSync(nameToBytes(to));
          // A directory cannot be moved over anything else.
          else if (isDirectory) unlinkSync(nameToBytes(to));
          rename(from, to, isDirectory);
        } catch (error) {
          lock(held, flags);
          throw error;
        }
      });
      this.replaced++;
      return 'moved';
    });
  }

  /** Takes from a directory what keeps us from putting anything into it, if it is one that was chosen. */
  #unlock(path: string): boolean {
    const inode = this.#directories.get(path);
    if (inode === undefined || this.#unlocked.has(path)) return false;
    const flags = this.#held(path, inode, unlock) ?? 0;
    this.#unlocked.set(path, flags);
    return flags !== 0;
  }

  lockAgain(): void {
    for (const [path, flags] of this.#unlocked) {
      try {
        this.#held(path, this.#directories.get(path), (held) => lock(held, flags));
      } catch (error) {
        if (!isSystemError(error)) throw error;
        this.#placing.findings.add(
          `/${path}`,
          `its flags, taken to put something into it, cannot be set again: ${error.message}`,
        );
      }
    }
  }

  #held<T>(path: string, inode: string | undefined, use: (held: Held) => T): T | undefined {
    return beneath(this.#placing.directory, path, (at) =>
      holding(at, (held) => (inodeOf(held.stats) === inode ? use(held) : undefined)),
    );
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
