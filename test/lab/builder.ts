/**
 * The builder machine: the storage tools and the kernel of a Debian release, in memory, without a disk of its own. It takes the
 * machine's blank disks and makes stacks of them.
 *
 * Nothing is put together behind the back of who works in it: udev names devices and reads what is on them, as everywhere, but
 * arrays, volume groups and caches are started by command only (`mdadm --assemble --scan`, `vgchange -ay`, `bcache-register`).
 * What a test finds is what the test made, and taking apart does not race with udev putting together again.
 */
import { hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, cp, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { cpio, type CpioEntry } from '../../src/media/cpio.ts';
import { cachedDirectory } from '../helpers/cache.ts';
import { belongs } from './builder/content.ts';
import { addModules } from './builder/modules.ts';
import { builderPackages } from './builder/packages.ts';
import { packageList, type Suite, unpackedPackages } from './packages.ts';

/** The releases that there are builders of. */
export const releases = ['debian11', 'debian12', 'debian13'] as const;
export type Release = (typeof releases)[number];

const suites: Readonly<Record<Release, Suite>> = { debian11: 'bullseye', debian12: 'bookworm', debian13: 'trixie' };

const here = join(import.meta.dirname, 'builder');
const archiver = join(import.meta.dirname, '../../src/media/cpio.ts');
const agent = join(import.meta.dirname, '../../native/build/lifeboat-agent');

/**
 * Kernel and initial file system of a builder machine, to be started with `console=ttyS0`; made where they are not cached.
 *
 * @throws Error with the reason where its packages cannot be had
 */
export async function builderImage(release: Release): Promise<{ readonly kernel: string; readonly initrd: string }> {
  const tree = await unpackedPackages(suites[release], builderPackages);
  const directory = await cachedDirectory(`lab/builder/${release}-${await recipe(tree)}`, async (directory) => {
    const added = join(directory, 'added');
    await addFiles(tree, added);
    await addModules(tree, added);
    const archive = cpio(await contents(tree, added));
    const level = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };
    await pipeline(archive, createZstdCompress(level), createWriteStream(join(directory, 'initrd')));
    await copyFile(await kernelOf(tree), join(directory, 'kernel'));
    await rm(added, { recursive: true });
  });
  return { kernel: join(directory, 'kernel'), initrd: join(directory, 'initrd') };
}

/** A digest of all that the image is made from. */
async function recipe(tree: string): Promise<string> {
  const files = (await readdir(here, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const own = [import.meta.filename, archiver, agent, join(tree, packageList)];
  const digests = await Promise.all([...own, ...files].map(async (file) => hash('sha256', await readFile(file))));
  return hash('sha256', digests.join(' ')).slice(0, 16);
}

/** What no package brings: our own files, and what the maintainers' scripts would have made. */
async function addFiles(tree: string, target: string): Promise<void> {
  await cp(join(here, 'root'), target, { recursive: true, verbatimSymlinks: true });
  for (const name of ['dev', 'proc', 'sys', 'run', 'tmp', 'mnt', 'root', 'var/lib', 'var/log', 'etc/mdadm']) {
    await mkdir(join(target, name), { recursive: true });
  }
  await symlink('../run', join(target, 'var/run'));
  await copyFile(agent, join(target, 'usr/sbin/lifeboat-agent'));
  await mkdir(join(target, 'usr/bin'), { recursive: true });
  for (const [name, program] of Object.entries({ sh: 'dash', awk: 'mawk', which: 'which.debianutils' })) {
    if (!(await isThere(join(tree, 'usr/bin', name)))) await symlink(program, join(target, 'usr/bin', name));
  }
  for (const name of ['passwd', 'group']) {
    const master = await readFile(join(tree, 'usr/share/base-passwd', `${name}.master`), 'utf8');
    await writeFile(join(target, 'etc', name), name === 'group' ? master + udevGroups : master);
  }
  await addRules(tree, target);
}

/** Groups that udev gives devices to, besides those that every Debian has. */
const udevGroups = ['input', 'kvm', 'render', 'sgx'].map((name, index) => `${name}:x:${101 + index}:\n`).join('');

/** The rules of udev, but for those that put something together. */
async function addRules(tree: string, target: string): Promise<void> {
  const rules = 'usr/lib/udev/rules.d';
  await mkdir(join(target, rules), { recursive: true });
  for (const name of await readdir(join(tree, rules))) {
    const text = await readFile(join(tree, rules, name), 'utf8');
    const rest = text
      .split('\n')
      .filter((line) => !/mdadm --incremental|lvm (pvscan|vgchange)|bcache-register/.test(line));
    await writeFile(join(target, rules, name), rest.join('\n'));
  }
}

/** Everything by its place in the machine; what we add counts before what a package brings. */
async function contents(tree: string, added: string): Promise<readonly CpioEntry[]> {
  const found = new Map<string, string>();
  for (const root of [tree, added]) {
    // With the types of entries, as symlinks to directories are followed otherwise.
    for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name);
      const name = relative(root, from);
      if (root === added || belongs(name)) found.set(name, from);
    }
  }
  return [...found].map(([name, from]) => ({ name, from })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function kernelOf(tree: string): Promise<string> {
  const name = (await readdir(join(tree, 'boot'))).find((file) => file.startsWith('vmlinuz-'));
  if (name === undefined) throw new Error(`${tree} holds no kernel`);
  return join(tree, 'boot', name);
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}
