/** Whether code found on this machine may be run with our rights. */
import type { Stats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explaining, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';

/**
 * Passes only where nobody but root and the running user can have put, or can still change, what is at `path`.
 *
 * @throws LifeboatError `untrusted`; `not-found` where nothing is there
 */
export async function checkTrusted(path: string): Promise<void> {
  await explaining('check who may change a file', async () => {
    const own = await lstat(path);
    if (own.isSymbolicLink()) throw untrusted(path, 'it is a symbolic link', 'Name the file that it points to.');
    if (!own.isFile() && !own.isDirectory()) {
      throw untrusted(path, 'it is neither a regular file nor a directory', 'Put a regular file there.');
    }
    const parent = await realpath(dirname(path));
    checkOne(join(parent, basename(path)), own, false);
    for (let directory = parent; ; directory = dirname(directory)) {
      checkOne(directory, await lstat(directory), true);
      if (directory === dirname(directory)) return;
    }
  });
}

/** In a directory with the sticky bit others may add names, but not replace ours. */
function checkOne(path: string, { mode, uid }: Stats, mayBeSticky: boolean): void {
  const user = process.geteuid?.() ?? 0;
  if (uid !== 0 && uid !== user) {
    throw untrusted(path, `it belongs to user ${uid}`, `chown root ${printable(path)}`);
  }
  if ((mode & 0o022) !== 0 && !(mayBeSticky && (mode & 0o1000) !== 0)) {
    const who = (mode & 0o002) !== 0 ? 'everybody' : 'its group';
    throw untrusted(path, `${who} may write to it`, `chmod go-w ${printable(path)}`);
  }
}

function untrusted(path: string, why: string, hint: string): LifeboatError {
  return new LifeboatError('untrusted', `${printable(path)} is not trusted: ${why}`, { hint });
}
