/**
 * The directory that stands for `/`. tar leaves what is there as it is, and this is there before it starts; the option
 * that would change it (`--overwrite-dir`) excludes `--keep-old-files`.
 */
import { closeSync, constants, fchmodSync, fchownSync, openSync } from 'node:fs';
import { isSystemError } from '../../kernel/errors.ts';
import { utimensat } from '../../native/file.ts';
import { listXattrs, removeXattr, setXattr } from '../../native/xattr.ts';
import type { Entry } from '../entry.ts';
import type { Findings } from './stderr.ts';

/** Gives the directory the owner, attributes, mode and time of the point's root; after everything in it is restored. */
export function restoreRoot(directory: string, entry: Entry, findings: Findings): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    if (process.getuid?.() === 0) noting('owner', () => fchownSync(fd, entry.uid, entry.gid));
    for (const name of listXattrs(fd)) {
      // Inherited from the directory above; other attributes here are the system's own, such as a label.
      if (!name.startsWith('system.posix_acl_') || entry.xattrs?.[name] !== undefined) continue;
      noting(`absence of ${name}`, () => removeXattr(fd, name));
    }
    for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
      noting(`attribute ${name}`, () => setXattr(fd, name, Buffer.from(value, 'base64')));
    }
    noting('mode', () => fchmodSync(fd, entry.mode));
    noting('modification time', () => utimensat(fd, '.', undefined, BigInt(entry.mtimeNs), true));
  } finally {
    closeSync(fd);
  }

  function noting(what: string, restore: () => void): void {
    try {
      restore();
    } catch (error) {
      if (!isSystemError(error)) throw error;
      findings.add('/', `${what} cannot be restored: ${error.message}`);
    }
  }
}
