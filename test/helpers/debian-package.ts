/** Debian packages that tests use and the machine may lack: fetched and unpacked into the user's cache, not installed. */
import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedDirectory, exists } from './cache.ts';
import { output } from './child-process.ts';

/**
 * The directory into which a package was unpacked.
 *
 * @param complete adds what else has to lie there; run once, before anybody sees the directory
 * @throws Error with the reason where there is no way to get it
 */
export async function unpackedPackage(
  name: string,
  complete: (directory: string) => Promise<void> = async () => {},
): Promise<string> {
  if (!(await exists('/usr/bin/apt-get'))) throw new Error(`no ${name} here, and no apt-get to fetch it`);
  const version = await candidate(name);
  return await cachedDirectory(`${name}_${version.replaceAll(':', '%3a')}`, async (directory) => {
    await fetchPackage(name, directory);
    await complete(directory);
  });
}

export async function fetchPackage(name: string, directory: string): Promise<void> {
  const run = promisify(execFile);
  await run('apt-get', ['download', '-qq', name], { cwd: directory }).catch(async () => {
    await output('apt-get', 'update', '-qq');
    await run('apt-get', ['download', '-qq', name], { cwd: directory });
  });
  const file = (await readdir(directory)).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith('.deb'));
  if (file === undefined) throw new Error(`apt-get download ${name} left no package`);
  await output('dpkg-deb', '-x', join(directory, file), directory);
  await rm(join(directory, file));
}

/** The version that apt would install; its lists are fetched where they are missing. */
async function candidate(name: string): Promise<string> {
  for (const refresh of [false, true]) {
    if (refresh) await output('apt-get', 'update', '-qq');
    const version = /Candidate: (\d\S*)/.exec(await output('apt-cache', 'policy', name))?.[1];
    if (version !== undefined) return version;
  }
  throw new Error(`apt knows no package ${name}`);
}
