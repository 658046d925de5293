/** What a directory holds, with what a walk asks of every entry: in one turn of a thread, where `fs` takes several for each. */
import { nameFromBytes } from '../kernel/text.ts';
import { addon } from './addon.ts';
import { textArgument } from './arguments.ts';
import { checked } from './outcome.ts';

/** What `lstat` and `readlink` say. */
export interface Facts {
  readonly kind: 'file' | 'directory' | 'symlink' | 'fifo';
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeNs: string;
  readonly device: string;
  /** `device:inode` */
  readonly inode: string;
  /** Number of names. */
  readonly links: number;
  /** Of a symlink. */
  readonly link: string;
}

export interface DirectoryEntry {
  readonly name: string;
  /** Absent where it has extended attributes, is a device, or cannot be looked at: who asks has to look for himself. */
  readonly facts: Facts | undefined;
}

const kinds: Readonly<Record<string, Facts['kind']>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
  p: 'fifo',
};
/** Of one entry, as the addon gives them. */
const fieldsEach = 11;

/**
 * The entries in the order of the bytes of their names, but for sockets.
 *
 * @param path its last component is not followed if it is a symlink
 * @throws SystemError as `readdir`, `ENOTDIR` for a symlink too
 */
export async function readDirectory(path: string): Promise<DirectoryEntry[]> {
  const outcome = checked(await addon().readDirectory(textArgument('readDirectory', 'path', path)), 'scandir', path);
  if (typeof outcome === 'number') return [];
  const fields = nameFromBytes(outcome).split('\0');
  const entries: DirectoryEntry[] = [];
  for (let at = 0; at + fieldsEach <= fields.length; at += fieldsEach) {
    if (fields[at + 1] === 's') continue;
    const kind = kinds[fields[at + 1] ?? ''];
    const facts = kind && {
      kind,
      mode: Number(fields[at + 2]),
      uid: Number(fields[at + 3]),
      gid: Number(fields[at + 4]),
      size: Number(fields[at + 5]),
      mtimeNs: fields[at + 6] ?? '',
      device: fields[at + 7] ?? '',
      inode: `${fields[at + 7]}:${fields[at + 8]}`,
      links: Number(fields[at + 9]),
      link: fields[at + 10] ?? '',
    };
    entries.push({ name: fields[at] ?? '', facts });
  }
  return entries;
}
