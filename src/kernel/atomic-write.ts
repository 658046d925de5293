import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explaining } from './errors.ts';

/** Makes the entries of a directory durable: a rename is only as safe as the directory that holds it. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** `mkdir -p` in which every directory that is new is also durable. */
export async function makeDirectory(path: string, mode = 0o755): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return;
  for (let parent = path; ; parent = dirname(parent)) {
    await syncDirectory(dirname(parent));
    if (parent === first || parent === dirname(parent)) return;
  }
}

/**
 * Replaces `path` with `data`, or leaves it as it was: temporary file, fsync, rename, fsync of the directory.
 *
 * @param mode permission bits of the new file
 * @throws LifeboatError `no-space`, `permission-denied`, … after removing the temporary file
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  await explaining(`write ${path}`, async () => {
    let file: FileHandle | undefined;
    try {
      file = await open(temporary, 'wx', mode);
      await file.writeFile(data);
      await file.chmod(mode);
      await file.sync();
      await file.close();
      file = undefined;
      await rename(temporary, path);
    } catch (error) {
      await file?.close().catch(ignoreSecondError);
      await unlink(temporary).catch(ignoreSecondError);
      throw error;
    }
    await syncDirectory(dirname(path));
  });
}

/** The first error is the one to report; what fails while cleaning up after it says nothing new. */
function ignoreSecondError(): void {
  return;
}
