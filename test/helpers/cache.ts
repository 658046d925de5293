/** What tests make once and keep, outside the repository: files and directories in the user's cache. */
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { sleep } from '../../src/kernel/wait.ts';
import { lockFile } from '../../src/host/file-lock.ts';

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** A path in the cache; what lies there, and whether anything does, is not looked at. */
export function cachePath(...names: readonly string[]): string {
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(base, 'lifeboat-test', ...names);
}

/**
 * A directory of the cache, made where it is missing: beside its place, then renamed, so that a half one is never found. Of
 * several processes that want it at once, one makes it and the others wait.
 *
 * @param name below the cache; names all that the content depends on
 */
export async function cachedDirectory(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = cachePath(name);
  if (await exists(directory)) return directory;
  await using _lock = await lockWhenFree(directory);
  if (await exists(directory)) return directory;
  const work = `${directory}.new`;
  // Left by a process that was killed.
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  try {
    await make(work);
    await rename(work, directory);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
  return directory;
}

/** The lock of a path, `<path>.lock`; waits while another has it. */
export async function lockWhenFree(path: string): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    const lock = await lockFile(`${path}.lock`);
    if (lock !== undefined) return lock;
    await sleep(200, new AbortController().signal);
  }
}
