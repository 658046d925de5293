/** Where the OpenSSH server is; fetched, but not installed, where the machine has none. */
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { output } from './child-process.ts';

export interface SshdBinary {
  readonly path: string;
  /** Directories of the libraries that the machine lacks. */
  readonly libraryPath: string;
}

/** @throws Error with the reason where there is no server and no way to get one */
export async function findSshd(): Promise<SshdBinary> {
  const installed = '/usr/sbin/sshd';
  if (await exists(installed)) return { path: installed, libraryPath: '' };
  if (!(await exists('/usr/bin/apt-get'))) throw new Error('no OpenSSH server here, and no apt-get to fetch one');
  const version = await candidate('openssh-server');
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const directory = join(base, 'lifeboat-test', `openssh-server_${version.replaceAll(':', '%3a')}`);
  if (!(await exists(directory))) await fetchInto(directory);
  return { path: join(directory, 'usr/sbin/sshd'), libraryPath: await libraryPathOf(directory) };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
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

/** Unpacks the server and its missing libraries beside the final place, then renames: a half one is never found. */
async function fetchInto(directory: string): Promise<void> {
  await mkdir(join(directory, '..'), { recursive: true });
  const work = await mkdtemp(`${directory}.`);
  try {
    await fetchPackage('openssh-server', work);
    for (const name of packagesOf(await missingLibraries(join(work, 'usr/sbin/sshd')))) await fetchPackage(name, work);
    await rename(work, directory);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    if (!(await exists(directory))) throw error;
  }
}

async function fetchPackage(name: string, directory: string): Promise<void> {
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

async function missingLibraries(binary: string): Promise<readonly string[]> {
  const lines = (await output('ldd', binary)).split('\n');
  return lines.flatMap((line) => /^\s*(\S+) => not found/.exec(line)?.[1] ?? []);
}

function packagesOf(libraries: readonly string[]): readonly string[] {
  const known: Readonly<Record<string, string>> = {
    'libwrap.so.0': 'libwrap0',
    'libkrb5.so.3': 'libkrb5-3',
    'libgssapi_krb5.so.2': 'libgssapi-krb5-2',
    'libwtmpdb.so.0': 'libwtmpdb0',
    'libaudit.so.1': 'libaudit1',
    'libselinux.so.1': 'libselinux1',
  };
  return libraries.map((library) => {
    const name = known[library];
    if (name === undefined) throw new Error(`the OpenSSH server needs ${library}, and its package is not known here`);
    return name;
  });
}

async function libraryPathOf(directory: string): Promise<string> {
  const found: string[] = [];
  for (const base of ['usr/lib', 'lib']) {
    const entries = await readdir(join(directory, base)).catch(() => []);
    found.push(...entries.filter((entry) => entry.includes('-linux-')).map((entry) => join(directory, base, entry)));
  }
  return found.join(':');
}
