/**
 * Where files are made before they are moved to their places: a directory, and for what lies on other filesystems at the
 * destination one there, since a move crosses none. Each holds what it is for under the same path, so that together they
 * are one tree.
 */
import { nameToBytes } from '../../kernel/text.ts';
import type { Batches } from '../compare.ts';
import { type Found, findTree } from '../walk.ts';
import { isBelow } from '../tar/include.ts';

export interface Stage {
  readonly directory: string;
  /** For these paths and all below them; the path itself is there, as a directory. */
  readonly elsewhere: readonly { readonly path: string; readonly directory: string }[];
}

export interface Counts {
  readonly entries: number;
  /** Of files, once for one that has several names, and only if all of them are there. */
  readonly bytes: number;
}

/** Counts what a walk of a stage comes by. */
export class StageCounts implements Counts {
  entries = 0;
  bytes = 0;
  /** Of files with several names, how many have not come yet. */
  readonly #names = new Map<string, number>();

  add({ entry: { type, size }, inode, links }: Found): void {
    this.entries++;
    if (type !== 'file') return;
    const left = (this.#names.get(inode) ?? links) - 1;
    if (links > 1) this.#names.set(inode, left);
    if (left === 0) this.bytes += size;
  }
}

/** The directory in which an entry is made, as `<directory>/<path>`. */
export function stagedIn({ directory, elsewhere }: Stage, path: string): string {
  const nearest = elsewhere
    .filter((one) => one.path === path || isBelow(path, one.path))
    .sort((a, b) => b.path.length - a.path.length)[0];
  return nearest?.directory ?? directory;
}

/** The kernel takes no path of more bytes, and all that is made is looked at by its path. */
const longestPath = 4095;

export function fits(stage: Stage, path: string): boolean {
  const directory = stagedIn(stage, path);
  // No character takes more than 3 bytes.
  if (3 * (directory.length + path.length) < longestPath) return true;
  return nameToBytes(`${directory}/${path}`).length <= longestPath;
}

/** All that there is, each directory before what is in it. */
export async function* walkStage(stage: Stage, hash: boolean, signal: AbortSignal): Batches<Found> {
  const tops = [{ path: '', directory: stage.directory }, ...stage.elsewhere];
  for (const { path, directory } of tops) {
    const skip = tops.filter((other) => isBelow(other.path, path)).map((other) => `/${other.path}`);
    yield* findTree(directory, path, { hash, skip }, signal);
  }
}
