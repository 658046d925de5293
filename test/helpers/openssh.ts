/** Where the OpenSSH server is; fetched, but not installed, where the machine has none. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from './cache.ts';
import { output } from './child-process.ts';
import { fetchPackage, unpackedPackage } from './debian-package.ts';

export interface SshdBinary {
  readonly path: string;
  /** Directories of the libraries that the machine lacks. */
  readonly libraryPath: string;
}

/** @throws Error with the reason where there is no server and no way to get one */
export async function findSshd(): Promise<SshdBinary> {
  const installed = '/usr/sbin/sshd';
  if (await exists(installed)) return { path: installed, libraryPath: '' };
  const directory = await unpackedPackage('openssh-server', async (directory) => {
    const missing = await missingLibraries(join(directory, 'usr/sbin/sshd'));
    for (const name of packagesOf(missing)) await fetchPackage(name, directory);
  });
  return { path: join(directory, 'usr/sbin/sshd'), libraryPath: await libraryPathOf(directory) };
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
