/** Entries of a point, as a person asks for them and sees them. */
import type { Entry, EntryType } from '../engine/entry.ts';
import { nameFromBytes, printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';

/** @param path absolute */
export function isAt({ path: entry }: Entry, path: string): boolean {
  return entry === relative(path);
}

/** Below it: at any depth, or just there. */
export function isIn({ path: entry }: Entry, path: string, recursive: boolean): boolean {
  const top = relative(path);
  const prefix = top === '' ? '' : `${top}/`;
  if (entry === '' || entry === top || !entry.startsWith(prefix)) return false;
  return recursive || !entry.slice(prefix.length).includes('/');
}

/** Names in a point have no slash at either end. */
function relative(path: string): string {
  return nameFromBytes(Buffer.from(path)).replace(/^\/+|\/+$/g, '');
}

const typeLetters: Readonly<Record<EntryType, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  fifo: 'p',
  char: 'c',
  block: 'b',
};

export function entryLine(entry: Entry, long: boolean): string {
  const name = `/${printable(entry.path)}`;
  const arrow = entry.link === undefined ? '' : ` -> ${entry.type === 'hardlink' ? '/' : ''}${printable(entry.link)}`;
  if (!long) return entry.type === 'directory' && entry.path !== '' ? `${name}/` : name;
  const time = new Date(Number(BigInt(entry.mtimeNs) / 1_000_000n)).toISOString().slice(0, 19).replace('T', ' ');
  const mode = `${typeLetters[entry.type]}${entry.mode.toString(8).padStart(4, '0')}`;
  const owner = `${entry.uid}:${entry.gid}`;
  return `${mode}  ${owner.padEnd(11)}  ${formatBytes(entry.size).padStart(9)}  ${time}  ${name}${arrow}`;
}
