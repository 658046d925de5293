/** The root filesystem of the base: unpacked packages without what nothing here reads, and with what their own scripts would have made. */
import { chmod, copyFile, lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Host } from '../host/host.ts';
import { belongs } from './content.ts';
import { dropLanguages } from './icu.ts';
import { removeUnused } from './libraries.ts';
import { refuseMissing, whatWouldNotStart } from './starts.ts';
import type { Tools } from './tools.ts';
import { unpackArchives } from './tree.ts';

export interface RootOptions {
  /** Of packages: paths, what depends on something after it. */
  readonly archives: readonly string[];
  /** The program that goes in as `/usr/bin/node`. */
  readonly node: string;
  readonly tools: Tools;
}

/**
 * Puts it together in an empty directory: the same for the same packages, whoever does it.
 *
 * @throws LifeboatError `rescue-incomplete` for one with programs that would not start
 */
export async function makeRoot(
  host: Host,
  { archives, node, tools }: RootOptions,
  root: string,
  signal: AbortSignal,
): Promise<void> {
  await unpackArchives(host, archives, root, signal);
  await trim(root);
  await furnish(root, node, tools, signal);
  await removeUnused(root);
  refuseMissing(
    await whatWouldNotStart([root]),
    'Add the package that has it to rescue/packages, or leave the program out.',
  );
  await sameModes(root);
}

async function trim(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const directories: string[] = [];
  for (const entry of entries) {
    const from = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) directories.push(from);
    else if (!belongs(relative(root, from))) await rm(from, { force: true });
  }
  for (const directory of directories.sort().toReversed()) {
    if ((await readdir(directory)).length === 0) await rm(directory, { recursive: true });
  }
}

/** What no package brings, and what the packages' own scripts would have made. */
async function furnish(root: string, node: string, tools: Tools, signal: AbortSignal): Promise<void> {
  for (const name of ['dev', 'proc', 'sys', 'run', 'tmp', 'mnt', 'root', 'var/lib', 'var/log', 'var/tmp', 'etc/ssh']) {
    await mkdir(join(root, name), { recursive: true });
  }
  await symlink('../run', join(root, 'var/run'));
  await symlink('/proc/self/mounts', join(root, 'etc/mtab'));
  for (const [name, program] of Object.entries({ sh: 'dash', awk: 'mawk', which: 'which.debianutils' })) {
    if (!(await isThere(join(root, 'usr/bin', name)))) await symlink(program, join(root, 'usr/bin', name));
  }
  for (const name of ['reboot', 'poweroff', 'halt', 'init', 'udhcpc']) {
    if (!(await isThere(join(root, 'usr/sbin', name)))) await symlink('../bin/busybox', join(root, 'usr/sbin', name));
  }
  for (const name of [
    'vi',
    'ping',
    'ping6',
    'traceroute',
    'nslookup',
    'nc',
    'wget',
    'telnet',
    'arping',
    'xxd',
    'unzip',
    'bzip2',
  ]) {
    if (!(await isThere(join(root, 'usr/bin', name)))) await symlink('busybox', join(root, 'usr/bin', name));
  }
  for (const [name, added] of Object.entries(accounts)) {
    const master = await readFile(join(root, 'usr/share/base-passwd', `${name}.master`), 'utf8');
    await writeFile(join(root, 'etc', name), master + added);
  }
  await copyFile(node, join(root, 'usr/bin/node'));
  await chmod(join(root, 'usr/bin/node'), 0o755);
  await tools.run('strip', [join(root, 'usr/bin/node')], {}, signal);
  await dropLanguages(join(root, 'usr/bin/node'));
  await withoutAssembly(join(root, 'usr/lib/udev/rules.d'));
  await certificates(root);
}

/** Besides those that every Debian has. A password of `*` opens nothing. */
const accounts: Readonly<Record<string, string>> = {
  passwd: 'sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n_rpc:x:101:65534::/run/rpcbind:/usr/sbin/nologin\n',
  group: ['input', 'kvm', 'render', 'sgx', 'clock'].map((name, index) => `${name}:x:${101 + index}:\n`).join(''),
};

/** Nothing is put together behind anybody's back: what udev would assemble, it leaves alone. */
async function withoutAssembly(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    const lines = (await readFile(file, 'utf8')).split('\n');
    const rest = lines.filter((line) => !/mdadm --incremental|lvm (pvscan|vgchange)|bcache-register/.test(line));
    if (rest.length < lines.length) await writeFile(file, rest.join('\n'));
  }
}

async function certificates(root: string): Promise<void> {
  const from = join(root, 'usr/share/ca-certificates/mozilla');
  const texts = await Promise.all(
    (await readdir(from)).sort().map(async (name) => await readFile(join(from, name), 'utf8')),
  );
  await mkdir(join(root, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(root, 'etc/ssl/certs/ca-certificates.crt'), texts.join(''));
  await rm(join(root, 'usr/share/ca-certificates'), { recursive: true });
}

/** Whoever unpacks, and with whatever mask: all is root's in the rescue system, and root needs no program that makes others root. */
async function sameModes(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) continue;
    const isOpen = entry.isDirectory() || ((await lstat(path)).mode & 0o111) !== 0;
    await chmod(path, openModes.get(relative(root, path)) ?? (isOpen ? 0o755 : 0o644));
  }
}

const openModes: ReadonlyMap<string, number> = new Map([
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
  ['root', 0o700],
]);

const isThere = async (path: string): Promise<boolean> =>
  await stat(path).then(
    () => true,
    () => false,
  );
