/** Files that hold a secret: read only where nobody else can. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { fromSystemError, hasErrno, isSystemError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';

/**
 * What is in a file that belongs to root or the running user, and that its owner alone can read. What was checked is what
 * is read, whatever happens to the name meanwhile.
 *
 * @returns `undefined` where nothing is there
 * @throws LifeboatError `untrusted`; `permission-denied`, …
 */
export function readPrivateFile(path: string): Buffer | undefined {
  let fd: number | undefined;
  try {
    // Not to wait for the other end of a pipe.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    const shown = printable(path);
    if (!stats.isFile()) throw untrusted(shown, 'it is no regular file', 'Put a regular file there.');
    if (stats.uid !== 0 && stats.uid !== process.geteuid?.()) {
      throw untrusted(shown, `it belongs to user ${stats.uid}`, `chown root ${shown}`);
    }
    if ((stats.mode & 0o077) !== 0) {
      const hint = `chmod 600 ${shown}. If somebody may have read it, replace the secret that is in it.`;
      throw untrusted(shown, 'others than its owner may read or write it', hint);
    }
    return readFileSync(fd);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    if (hasErrno(error, 'ELOOP')) {
      throw untrusted(printable(path), 'it is a symbolic link', 'Name the file that it points to.');
    }
    throw isSystemError(error) ? fromSystemError(error, `read ${printable(path)}: ${error.message}`) : error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function untrusted(path: string, why: string, hint: string): LifeboatError {
  return new LifeboatError('untrusted', `${path} holds a secret and is not used: ${why}`, { hint });
}
