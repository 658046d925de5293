/** What a restore would change, as it was found: told before anything is touched, and done afterwards. */
import type { Finding } from '../engine.ts';
import type { Entry } from '../entry.ts';
import type { Now } from './difference.ts';
import { pathsAbove } from './select.ts';

/** A file that stays and gets another name. */
interface Link {
  readonly path: string;
  readonly inode: string | undefined;
}

export type Change =
  | { readonly action: 'create'; readonly link?: Link }
  | {
      readonly action: 'replace';
      readonly now: Now;
      /** That it has, and that are gone with it. */
      readonly flags?: string;
      readonly link?: Link;
    }
  /** The content is right. */
  | {
      readonly action: 'attributes';
      readonly now: Now;
      /** What was compared; no other inode is given the attributes. */
      readonly inode: string;
      readonly differences: readonly string[];
      readonly entry: Entry;
    };

export interface Comparison {
  /** By path. What is in a directory that is created is not listed; see {@link changeOf}. */
  readonly changes: ReadonlyMap<string, Change>;
  /** Below what is created, but not restored. */
  readonly left: ReadonlySet<string>;
  /** Of what changes, the entries that have flags: these are set when nothing else is left to do. */
  readonly flagged: readonly Entry[];
  /** Chosen directories that are there, with what they have to be like in the end, those above first. */
  readonly directories: readonly { readonly entry: Entry; readonly inode: string | undefined }[];
  /** Entries to be created, and bytes of files to be created or replaced. */
  readonly created: number;
  readonly bytes: number;
  readonly same: number;
  /** Entries in chosen directories that the point does not have; what is below them is not counted. */
  readonly untouched: number;
  /** What cannot be restored here, and why. */
  readonly blocked: readonly Finding[];
  /** Directories below which something changes, and that lie on another filesystem than what is above them. */
  readonly crossings: readonly string[];
}

/** What becomes of one chosen entry; `undefined` when it is the same already, or cannot be restored. */
export function changeOf({ changes, left }: Pick<Comparison, 'changes' | 'left'>, path: string): Change | undefined {
  if (left.has(path)) return undefined;
  const own = changes.get(path);
  if (own !== undefined) return own;
  for (const above of pathsAbove(path)) {
    const action = changes.get(above)?.action;
    if (action === 'create' || action === 'replace') return { action: 'create' };
  }
  return undefined;
}
