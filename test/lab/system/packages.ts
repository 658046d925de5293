/** What the systems of the lab are made of. */
import type { Release } from '../builder.ts';
import type { Suite } from '../packages.ts';

interface System {
  readonly suite: Suite;
  /** What every Debian has, without which no other package can be set up. */
  readonly essential: readonly string[];
  readonly others: readonly string[];
}

const words = (...lines: readonly string[]): readonly string[] => lines.flatMap((line) => line.split(' '));

const starting = words(
  'init systemd udev dbus kmod procps iproute2 initramfs-tools zstd',
  // What starts it, signed by Debian where that counts.
  'grub2-common grub-pc-bin grub-efi-amd64-bin grub-efi-amd64-signed shim-signed efibootmgr mokutil',
  'e2fsprogs dosfstools fdisk attr acl',
);

const others = [...starting, ...words('linux-image-amd64', 'xfsprogs btrfs-progs gdisk mdadm lvm2 cryptsetup')];

/** What starts by itself from one disk, and hardly more: a third of the others' size. */
export const smallPackages = [...starting, 'linux-image-cloud-amd64'];

export const systems: Readonly<Record<Release, System>> = {
  debian11: { suite: 'bullseye', essential: ['?essential'], others },
  debian12: { suite: 'bookworm', essential: ['?essential', 'usr-is-merged'], others },
  debian13: { suite: 'trixie', essential: ['?essential'], others: [...others, 'util-linux-extra'] },
};
