/** Notices to a site's own executables, `hooks.d/notify/NN-name`: each gets the notice as JSON on stdin. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { checkTrusted } from '../host/trusted.ts';
import { explaining, hasErrno } from '../kernel/errors.ts';

const limitMs = 5 * 60_000;

/** What is to be run, in order; a folder that is not there holds none. A symbolic link is refused where it is run, alone. */
export async function notifyDropIns(folder: string): Promise<string[]> {
  return explaining(`read ${folder}`, async () => {
    const names = await readdir(folder).catch((error: unknown) => {
      if (hasErrno(error, 'ENOENT')) return [];
      throw error;
    });
    const paths = names.filter((name) => !name.startsWith('.') && !name.endsWith('~')).sort();
    const found = await Promise.all(
      paths.map(async (name) => ({ path: join(folder, name), file: !(await lstat(join(folder, name))).isDirectory() })),
    );
    return found.flatMap(({ path, file }) => (file ? [path] : []));
  });
}

/** @throws LifeboatError `untrusted` for one that others could have written; `command-failed` with what it said */
export async function runDropIn(
  host: Host,
  path: string,
  event: string,
  document: string,
  signal: AbortSignal,
): Promise<void> {
  await checkTrusted(path);
  await host.run([path], { stdin: Buffer.from(document), env: { LIFEBOAT_EVENT: event }, timeoutMs: limitMs }, signal);
}
