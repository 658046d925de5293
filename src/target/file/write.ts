/** The writing side: a new file, whole and synced, and the moment in which it gets its name. */
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../../kernel/errors.ts';
import { abortable } from '../abortable.ts';
import type { Body } from '../target.ts';

/** So much is written before the disk is told to begin with it: else it would have nothing to do until the end. */
const syncEvery = 32 * 1024 * 1024;

/**
 * Writes and syncs a body to a new file. The caller removes the file when this fails.
 *
 * @returns how many bytes the body had
 * @throws what the body throws, as it is; `no-space`, … for the file itself
 */
export async function writeNew(path: string, body: Body, doing: string, signal: AbortSignal): Promise<number> {
  const file = await explaining(doing, () => open(path, 'wx', 0o600));
  let size = 0;
  let syncedFrom = 0;
  /** An error of the disk is told once, so each of these counts. */
  let syncing = Promise.resolve();
  try {
    for await (const chunk of abortable(body, signal)) {
      await explaining(doing, () => writeAll(file, chunk));
      size += chunk.length;
      if (size - syncedFrom < syncEvery) continue;
      syncedFrom = size;
      await explaining(doing, () => syncing);
      syncing = file.datasync();
      // Looked at before the next.
      syncing.catch(ignoreSecondError);
    }
    await explaining(doing, () => syncing);
    await explaining(doing, () => file.sync());
  } catch (error) {
    await file.close().catch(ignoreSecondError);
    throw error;
  }
  await explaining(doing, () => file.close());
  return size;
}

/** Measured: 1.5 MiB at once took about four times as long, probably because the kernel then looks for larger pages for its cache. */
const writeAtOnce = 128 * 1024;

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let rest = chunk; rest.length > 0; ) {
    const { bytesWritten } = await file.write(rest, 0, Math.min(rest.length, writeAtOnce));
    rest = rest.subarray(bytesWritten);
  }
}

/** Gives a written file its name, durably. */
export async function publish(
  temporary: string,
  path: string,
  object: { readonly exclusive: boolean; readonly key: string; readonly url: string },
): Promise<void> {
  const { exclusive, key, url } = object;
  try {
    if (exclusive) {
      await link(temporary, path);
      await unlink(temporary);
    } else {
      await rename(temporary, path);
    }
  } catch (error) {
    if (hasErrno(error, 'ENOTDIR', 'EISDIR') || (hasErrno(error, 'EEXIST') && (await isDirectory(path)))) {
      throw new LifeboatError('usage', `${key} cannot be stored at ${url}: a key is an object or a folder`);
    }
    if (hasErrno(error, 'EEXIST')) throw new LifeboatError('exists', `${key} is taken at ${url}`);
    if (exclusive && hasErrno(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) {
      throw new LifeboatError('unsupported', `${url}: its filesystem has no hard links to keep two writers apart`, {
        cause: error,
      });
    }
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path)).isDirectory();
}

/** The first error is the one to report, or is reported elsewhere. */
function ignoreSecondError(): void {
  return;
}
