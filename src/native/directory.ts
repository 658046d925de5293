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
/** Bytes that become text together: those of a directory of millions are more than a string holds. */
const atOnce = 256 * 1024;

/**
 * The entries in the order of the bytes of their names, but for sockets.
 *
 * @param path its last component is not followed if it is a symlink
 * @throws SystemError as `readdir`, `ENOTDIR` for a symlink too
 */
export async function readDirectory(path: string): Promise<DirectoryEntry[]> {
  const outcome = checked(await addon().readDirectory(textArgument('readDirectory', 'path', path)), 'scandir', path);
  if (typeof outcome === 'number') return [];
  const entries: DirectoryEntry[] = [];
  let fields: string[] = [];
  for (let from = 0; from < outcome.length; ) {
    const end = outcome.indexOf(0, from + atOnce) + 1 || outcome.length;
    fields = fields.concat(nameFromBytes(outcome.subarray(from, end)).split('\0').slice(0, -1));
    from = end;
    let at = 0;
    for (; at + fieldsEach <= fields.length; at += fieldsEach) {
      if (fields[at + 1] !== 's') entries.push(entryOf(fields.slice(at, at + fieldsEach)));
    }
    fields = fields.slice(at);
  }
  return entries;
}

function entryOf(fields: readonly string[]): DirectoryEntry {
  const [name = '', type = '', mode, uid, gid, size, mtimeNs = '', device = '', number, links, link = ''] = fields;
  const kind = kinds[type];
  const facts = kind && {
    kind,
    mode: Number(mode),
    uid: Number(uid),
    gid: Number(gid),
    size: Number(size),
    mtimeNs,
    device,
    inode: `${device}:${number}`,
    links: Number(links),
    link,
  };
  return { name, facts };
}
