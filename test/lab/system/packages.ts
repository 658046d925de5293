/** What the systems of the lab are made of. */
import type { Release } from '../builder.ts';
import type { Suite } from '../packages.ts';

interface System {
  readonly suite: Suite;
  /** What every Debian has, without which no other package can be set up. */
  readonly essential: readonly string[];
  readonly others: readonly string[];
}

const others: readonly string[] = [
  'init systemd udev dbus kmod procps iproute2 initramfs-tools linux-image-amd64 zstd',
  // What starts it, signed by Debian where that counts.
  'grub2-common grub-pc-bin grub-efi-amd64-bin grub-efi-amd64-signed shim-signed efibootmgr mokutil',
  // What a server has for its disks.
  'e2fsprogs xfsprogs btrfs-progs dosfstools fdisk gdisk mdadm lvm2 cryptsetup attr acl',
].flatMap((names) => names.split(' '));

export const systems: Readonly<Record<Release, System>> = {
  debian11: { suite: 'bullseye', essential: ['?essential'], others },
  debian12: { suite: 'bookworm', essential: ['?essential', 'usr-is-merged'], others },
  debian13: { suite: 'trixie', essential: ['?essential'], others: [...others, 'util-linux-extra'] },
};
