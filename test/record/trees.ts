/** Root directories of Debian releases, made once and kept. */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, run } from './commands.ts';

/** Releases by the name of their recording. */
export const releases: Readonly<Record<string, string>> = {
  debian11: 'bullseye',
  debian12: 'bookworm',
  debian13: 'trixie',
  'debian-sid': 'sid',
};

const mirror = 'http://deb.debian.org/debian';

/** Tools that capture asks, and those that build what it looks at. */
const packages = `
  util-linux fdisk mount udev systemd procps kmod parted
  gdisk e2fsprogs xfsprogs btrfs-progs dosfstools f2fs-tools squashfs-tools attr
  quota mdadm lvm2 dmsetup cryptsetup-bin efibootmgr grub2-common grub-pc-bin pciutils
  dmidecode iproute2 ethtool nftables iptables
`;

/**
 * The tree of a release (`debian12`) below `directory`, made by debootstrap where it is not there yet. Signatures are
 * checked against the keyring of this machine. A tree that was broken off is never taken for one.
 *
 * @param more packages that it has besides those of every tree
 * @throws Error for a release that is not known, and with what debootstrap said
 */
export function treeOf(directory: string, name: string, more: readonly string[] = []): string {
  const release = releases[name];
  if (release === undefined) throw new Error(`no release ${name}; there are: ${Object.keys(releases).join(', ')}`);
  const tree = join(directory, [release, ...more].join('+'));
  const wanted = [...packages.trim().split(/\s+/), ...more].join(',');
  const mark = join(tree, '.complete');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return tree;
  const archives = join(directory, 'archives');
  mkdirSync(archives, { recursive: true });
  const half = `${tree}.half`;
  rmSync(half, { recursive: true, force: true });
  run(command(`debootstrap --variant=minbase --include=${wanted} --cache-dir=${archives}`, release, half, mirror));
  strip(half);
  writeFileSync(join(half, '.complete'), wanted);
  rmSync(tree, { recursive: true, force: true });
  renameSync(half, tree);
  return tree;
}

/** What no tool reads makes the machine's root larger than it needs to be. */
function strip(tree: string): void {
  for (const path of [
    'usr/share/doc',
    'usr/share/man',
    'usr/share/locale',
    'var/cache/apt/archives',
    'var/lib/apt/lists',
  ]) {
    for (const name of listed(join(tree, path))) rmSync(join(tree, path, name), { recursive: true, force: true });
  }
}

function listed(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
