/** What tests make once and keep, outside the repository: files and directories in the user's cache. */
import { access, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
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
 * @param name below the cache, `kind-digest` of all that the content depends on: others of a kind go once nobody uses them
 */
export async function cachedDirectory(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = cachePath(name);
  if (await wasThere(directory)) return directory;
  await using _lock = await lockWhenFree(directory);
  if (await wasThere(directory)) return directory;
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
  // Its own time may be that of an archive which was unpacked into it.
  await wasThere(directory);
  await removeUnused(directory);
  return directory;
}

/** Whether it is there; it counts as used from now on. */
async function wasThere(directory: string): Promise<boolean> {
  const now = new Date();
  // A cache that cannot be written to is read all the same.
  await utimes(directory, now, now).catch(() => undefined);
  return await exists(directory);
}

/**
 * Removes what has the same name up to the last `-`, was thus made from other inputs, and has not been used for a week; and what a
 * process that was killed left of such.
 */
async function removeUnused(directory: string): Promise<void> {
  const kind = basename(directory).replace(/-[^-]*$/, '-');
  const names = (await readdir(dirname(directory))).filter((name) => name.startsWith(kind));
  for (const name of new Set(names.map((name) => name.replace(/\.(lock|new)$/, '')))) {
    const path = join(dirname(directory), name);
    // Not what is being made just now, the time of which may be any: whoever makes it has its lock.
    await using lock = await lockFile(`${path}.lock`);
    if (lock === undefined) continue;
    await rm(`${path}.new`, { recursive: true, force: true });
    const used = await stat(path).catch(() => undefined);
    if (used === undefined || Date.now() - used.mtimeMs < 7 * 86_400_000) continue;
    // A half one is never found, also where this process is killed.
    await rename(path, `${path}.new`);
    await rm(`${path}.new`, { recursive: true, force: true });
  }
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
