/**
 * ZFS for the builder machine of Debian 12. Debian has only its source, which is built here against that machine's kernel: about six
 * minutes of processor time, once, and then cached. A machine is given it after its start, so that all others stay as they are.
 */
import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { copyFile, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedDirectory, cachePath, exists } from '../helpers/cache.ts';
import { builderPackages } from './builder/packages.ts';
import type { Lab } from './lab.ts';
import { packageList, unpackedPackages } from './packages.ts';

const suite = 'bookworm';

/** What builds a module, and what uses it: with all that a chroot of it needs. */
const tools = 'bash coreutils diffutils file findutils gawk gcc grep libc6-dev make perl sed xz-utils'.split(' ');

const script = `
set -eu
cd /usr/src/zfs-*/
bash ./configure --prefix=/usr --with-config=kernel --with-linux="$1" --with-linux-obj="$2" > /tmp/log 2>&1 || { tail -n 20 /tmp/log; exit 1; }
make > /tmp/log 2>&1 || { tail -n 20 /tmp/log; exit 1; }
strip --strip-debug module/*/*.ko
`;

/** What of its packages goes into the machine, besides the modules. */
const used =
  /^usr\/(sbin\/(zfs|zpool|zdb|zgenhostid|mount\.zfs)$|lib\/x86_64-linux-gnu\/lib(zfs|zpool|nvpair|uutil)|lib\/udev\/.*z(fs|vol))/;

/** Gives a machine of `debian12` the module and its tools. */
export async function addZfs({ host }: Lab, signal: AbortSignal): Promise<void> {
  const stdin = await readFile(join(await zfsArchive(), 'zfs.tar.gz'));
  await host.run(['tar', '-xz', '-C', '/'], { stdin, timeoutMs: 120_000 }, signal);
  await host.run(['sh', '-ec', 'depmod; udevadm control --reload; modprobe zfs'], { timeoutMs: 120_000 }, signal);
}

/** Whether it has been built, so that it costs nothing. */
export async function isZfsBuilt(): Promise<boolean> {
  const built = await readdir(cachePath('lab/zfs')).catch(() => []);
  return built.some((name) => /^debian12-\w+$/.test(name));
}

/** @throws Error with the reason where it cannot be fetched or built */
async function zfsArchive(): Promise<string> {
  const builder = await unpackedPackages(suite, builderPackages);
  const [kernel] = await readdir(join(builder, 'usr/lib/modules'));
  const tree = await unpackedPackages(suite, ['zfs-dkms', 'zfsutils-linux', `linux-headers-${kernel}`, ...tools]);
  const inputs = [await readFile(join(tree, packageList), 'utf8'), script, used.source];
  const key = hash('sha256', inputs.join('\0')).slice(0, 16);
  return await cachedDirectory(`lab/zfs/debian12-${key}`, async (directory) => {
    const root = join(directory, 'root');
    await cp(tree, root, { recursive: true, verbatimSymlinks: true });
    const headers = `/usr/src/linux-headers-${kernel}`;
    await inChroot(root, script, headers.replace(/-amd64$/, '-common'), headers);
    const packed = join(directory, 'packed');
    await pack(root, packed, kernel ?? '');
    await promisify(execFile)('tar', ['-czf', join(directory, 'zfs.tar.gz'), '-C', packed, 'usr']);
    for (const path of [root, packed]) await rm(path, { recursive: true });
  });
}

/** A compiler looks for its parts at fixed places. */
async function inChroot(root: string, text: string, ...args: readonly string[]): Promise<void> {
  for (const [name, target] of Object.entries({ sh: 'bash', awk: 'gawk', which: 'which.debianutils' })) {
    if (!(await exists(join(root, 'usr/bin', name)))) await symlink(target, join(root, 'usr/bin', name));
  }
  for (const name of ['dev', 'proc', 'tmp']) await mkdir(join(root, name), { recursive: true });
  await writeFile(join(root, 'build.sh'), text);
  const inside = `mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" &&
    exec chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin LC_ALL=C HOME=/tmp bash /build.sh "$@"`;
  // A user of its own namespace may do this as well.
  const outside = ['--user', '--map-root-user', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', inside, root];
  try {
    await promisify(execFile)('nice', ['-n', '10', 'unshare', ...outside, ...args], { maxBuffer: 64 * 1024 * 1024 });
  } catch (error) {
    const told = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`cannot build the module of ZFS: ${told}`, { cause: error });
  }
}

async function pack(root: string, target: string, kernel: string): Promise<void> {
  const put = async (from: string, to: string): Promise<void> => {
    await mkdir(join(target, to, '..'), { recursive: true });
    await copyFile(join(root, from), join(target, to));
  };
  const usr = await readdir(join(root, 'usr'), { recursive: true });
  for (const file of usr) {
    const path = `usr/${file}`;
    const [, module] = /^usr\/src\/zfs-[^/]+\/module\/\w+\/(\w+\.ko)$/.exec(path) ?? [];
    if (module !== undefined) await put(path, `usr/lib/modules/${kernel}/extra/${module}`);
    else if (used.test(path)) await put(path, path);
  }
}
