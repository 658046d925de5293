/** Writing to the file that somebody named, which need not be one. */
import { lstat, open, realpath, unlink, writeFile } from 'node:fs/promises';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';

/**
 * Replaces a regular file as a whole, readable by its owner alone, or makes it. A link is followed; a device or a pipe is
 * written to, and never replaced: `/dev/null` has to stay what it is.
 *
 * @throws LifeboatError `no-space`, `permission-denied`, …; `usage` for a directory
 */
export async function writeOutput(path: string, text: string): Promise<void> {
  await explaining(`write ${path}`, async () => {
    const found = await lstat(path).catch((error: unknown) => {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (found?.isDirectory() === true) throw new LifeboatError('usage', `${path} is a directory`);
    if (found?.isSymbolicLink() === true) return await writeOutput(await realpath(path), text);
    if (found === undefined || found.isFile()) return await writeFileAtomic(path, text);
    return await writeFile(path, text);
  });
}

/**
 * Makes a file that only its owner can read, for what is secret.
 *
 * @throws LifeboatError `exists` where there is something already, also a link; `no-space`, … and then there is no file
 */
export async function writeNewFile(path: string, bytes: Uint8Array): Promise<void> {
  await explaining(`write ${path}`, async () => {
    await using file = await open(path, 'wx', 0o600);
    await using undo = new AsyncDisposableStack();
    undo.defer(async () => await unlink(path));
    await file.writeFile(bytes);
    await file.sync();
    undo.move();
  });
}
