/** An entry of the point and what is at its place: how the two differ. */
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { type Entry, type EntryType, entryDifferences } from '../entry.ts';
import { typeOf } from '../walk.ts';
import { readFlags } from './attributes.ts';
import type { Seen } from './inspect.ts';
import { feasible, type Lacks } from './rights.ts';

/** What is at a place before it is changed: as long as it is that, the consent to change it holds. */
export interface Now {
  readonly type: EntryType | 'socket';
  readonly size: number;
  readonly mtimeNs: string;
}

/** The time of a directory changes with what is put into it. */
export const emptyDirectory: Now = { type: 'directory', size: 0, mtimeNs: '' };

export function nowOf(stats: BigIntStats): Now {
  const type = typeOf(stats);
  if (type === 'directory') return emptyDirectory;
  return { type: type ?? 'socket', size: type === 'file' ? Number(stats.size) : 0, mtimeNs: String(stats.mtimeNs) };
}

export function sameContent(entry: Entry, { entry: found, unreadable }: Seen): boolean {
  if (found === undefined || unreadable !== undefined) return false;
  const { type, size, sha256, link, device } = found;
  return (
    type === entry.type &&
    size === entry.size &&
    sha256 === entry.sha256 &&
    link === entry.link &&
    device?.major === entry.device?.major &&
    device?.minor === entry.device?.minor
  );
}

/** Of two that have the same content; only what this process may restore. */
export function attributeDifferences(root: string, entry: Entry, { entry: found }: Seen, lacks?: Lacks): string[] {
  if (found === undefined || found.type !== entry.type) return [];
  const { sha256: _, flags, ...wanted } = entry;
  const { sha256: _hash, flags: _flags, ...actual } = found;
  const { expected, seen } = feasible(wanted, actual, lacks);
  const differences = entryDifferences(expected, seen).map(({ problem }) => problem);
  if (flags === undefined) return differences;
  const now = readFlags(join(root, entry.path));
  return now === flags ? differences : [...differences, `flags are ${now || 'none'}, expected ${flags}`];
}
