/** The archive that Linux unpacks as its first root: cpio in the format "newc". */
import { lstat, readFile, readlink } from 'node:fs/promises';

export interface CpioEntry {
  /** Relative to the root; the directory it lies in comes before it. */
  readonly name: string;
  /** Where it lies here: a directory, a file or a symlink. All becomes root's, of no particular time. */
  readonly from: string;
}

/** The entries as an archive: the same ones always give the same bytes. */
export async function* cpio(entries: Iterable<CpioEntry>): AsyncGenerator<Buffer> {
  let inode = 0;
  for (const { name, from } of entries) {
    inode += 1;
    const status = await lstat(from);
    const content = status.isFile()
      ? await readFile(from)
      : Buffer.from(status.isSymbolicLink() ? await readlink(from) : '');
    yield header(name, inode, status.mode, content.length);
    yield content;
    yield padding(content.length);
  }
  yield header('TRAILER!!!', 0, 0, 0);
}

function header(name: string, inode: number, mode: number, size: number): Buffer {
  const nameBytes = Buffer.from(`${name}\0`);
  // inode, mode, uid, gid, links, time, size, device (2), special device (2), length of the name, checksum
  const fields = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, nameBytes.length, 0];
  const text = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([Buffer.from(text), nameBytes, padding(text.length + nameBytes.length)]);
}

/** What follows `length` bytes, up to a multiple of four. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
