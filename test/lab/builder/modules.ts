/** The part of a kernel's modules that the builder machine carries, with all that it depends on. */
import { copyFile, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { inTree } from '../packages.ts';

/** Directories and modules below `kernel/`. */
const wanted: readonly RegExp[] = [
  /^drivers\/md\/(?!md-cluster)/,
  /^drivers\/block\/(brd|drbd|loop|nbd|null_blk|virtio_blk|zram)\b/,
  /^drivers\/nvme\/host\/nvme\./,
  /^drivers\/ata\/(ahci|ata_piix)\./,
  /^drivers\/scsi\/(device_handler\/.*|iscsi_tcp|scsi_debug|sd_mod|sg|sr_mod|virtio_scsi)\./,
  /^drivers\/target\/(target_core_.*|iscsi\/iscsi_target_mod|loopback\/tcm_loop)\./,
  /^drivers\/usb\/(host\/(ehci|uhci|xhci)[-_](hcd|pci)|storage\/(uas|usb-storage))\./,
  /^drivers\/(virtio\/(virtio_pci|virtio_balloon)|char\/virtio_console|char\/hw_random\/virtio-rng|input\/evdev|acpi\/button)\./,
  /^drivers\/net\/(bonding|dummy|geneve|ifb|ipvlan|macsec|macvlan|macvtap|team|tun|veth|vrf|vxlan|wireguard)\b/,
  /^drivers\/net\/(virtio_net|ethernet\/intel\/e1000e?\/e1000e?)\./,
  /^fs\/(btrfs|exfat|ext4|f2fs|fat|fuse|isofs|jfs|nls|ntfs3?|overlayfs|squashfs|udf|xfs)\//,
  /^net\/(8021q|bridge)\//,
  /^net\/(netfilter|ipv[46]\/netfilter)\/(nf|nft)_/,
  /^net\/ipv[46]\/(ip6?_gre|ip6?_vti|ipip|ip6_tunnel|sit)\./,
  /^(arch\/x86\/crypto|crypto)\//,
  /^lib\/(?!test)/,
];

/** Puts them, uncompressed and with an index, below `<target>/usr/lib/modules`. */
export async function addModules(tree: string, target: string): Promise<void> {
  const [version] = await readdir(join(tree, 'usr/lib/modules'));
  if (version === undefined) throw new Error(`${tree} holds no kernel's modules`);
  const from = join(tree, 'usr/lib/modules', version);
  const to = join(target, 'usr/lib/modules', version);
  await mkdir(to, { recursive: true });
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    await copyFile(join(from, name), join(to, name));
  }
  const files = await readdir(join(from, 'kernel'), { recursive: true });
  const byName = new Map(files.filter((file) => /\.ko(\.xz)?$/.test(file)).map((file) => [moduleName(file), file]));
  let next = [...byName.values()].filter((file) => wanted.some((pattern) => pattern.test(file)));
  const taken = new Set(next);
  while (next.length > 0) {
    const here = next.map((file) => join(to, 'kernel', file));
    for (const directory of new Set(here.map(dirname))) await mkdir(directory, { recursive: true });
    for (const file of next) await copyFile(join(from, 'kernel', file), join(to, 'kernel', file));
    const packed = here.filter((file) => file.endsWith('.xz'));
    // Decompressed here, once, and not by each machine that boots.
    if (packed.length > 0) await inTree(tree, join(tree, 'usr/bin/xz'), '--decompress', ...packed);
    const needed = await Promise.all(here.map((file) => dependencies(file.replace(/\.xz$/, ''))));
    next = [...new Set(needed.flat())].flatMap((name) => byName.get(name) ?? []).filter((file) => !taken.has(file));
    for (const file of next) taken.add(file);
  }
  // One program under several names; by this one it makes the index.
  const depmod = join(target, 'depmod');
  await symlink(join(tree, 'usr/bin/kmod'), depmod);
  await inTree(tree, depmod, '-b', join(target, 'usr'), version);
  await rm(depmod);
}

function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');
}

/** The modules that a module says it depends on. */
async function dependencies(file: string): Promise<readonly string[]> {
  const content = await readFile(file, 'latin1');
  const listed = /\0depends=([^\0]*)\0/.exec(content)?.[1] ?? '';
  return listed.split(',').flatMap((name) => (name === '' ? [] : [name.replaceAll('-', '_')]));
}
