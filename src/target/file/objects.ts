/** The reading side: files of the tree as objects. Links are not followed, for they could lead out of the root. */
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, lstat, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { explaining, hasErrno } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { isKeySegment, type ObjectEntry, type ObjectInfo } from '../target.ts';

/** The files below `prefix` whose names are keys; others (temporary files, `lost+found`) are no objects. */
export async function* walk(
  root: string,
  prefix: string,
  doing: string,
  signal: AbortSignal,
): AsyncIterable<ObjectEntry> {
  throwIfAborted(signal);
  // A root that is gone is a mount that is gone, and must not look like an empty repository.
  await explaining(doing, () => stat(root));
  const pending = [prefix];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const entry of await entriesOf(join(root, folder), doing)) {
      throwIfAborted(signal);
      if (!isKeySegment(entry.name)) continue;
      const key = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) pending.push(key);
      if (!entry.isFile()) continue;
      const info = await objectAt(join(root, key), doing);
      // One that was removed since its directory was read is no longer there.
      if (info !== undefined) yield { key, ...info };
    }
  }
}

async function entriesOf(path: string, doing: string): Promise<readonly Dirent[]> {
  return explaining(doing, async () => {
    try {
      return await readdir(path, { withFileTypes: true });
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return [];
      throw error;
    }
  });
}

/** What lies at `path`, or `undefined` when that is no object. */
export async function objectAt(path: string, doing: string): Promise<ObjectInfo | undefined> {
  return explaining(doing, async () => {
    try {
      const info = await lstat(path);
      return info.isFile() ? { size: info.size, mtimeMs: info.mtimeMs } : undefined;
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  });
}

/** Opens `path` for reading, or gives `undefined` when nothing is there. */
export async function openObject(path: string, doing: string): Promise<FileHandle | undefined> {
  return explaining(doing, async () => {
    try {
      // Without waiting, as opening a pipe would.
      return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
      throw error;
    }
  });
}
