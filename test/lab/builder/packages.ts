/** What the builder machine is made of: everything that makes, reads and repairs a storage stack, and links of a network. */
export const builderPackages: readonly string[] = [
  // A system that a person can work in.
  'base-files base-passwd bash dash coreutils debianutils diffutils findutils grep gzip hostname libc-bin mawk',
  'ncurses-base procps sed tar xz-utils zstd',
  // The kernel of servers: the one for clouds lacks USB, AHCI, f2fs, jfs and iso9660.
  'linux-image-amd64 kmod udev',
  // Disks, and what is put together of them.
  'util-linux fdisk gdisk parted mount dmidecode sg3-utils',
  'mdadm lvm2 dmeventd thin-provisioning-tools dmsetup cryptsetup-bin bcache-tools',
  'multipath-tools kpartx open-iscsi tgt drbd-utils',
  // Filesystems.
  'e2fsprogs xfsprogs btrfs-progs dosfstools exfatprogs f2fs-tools jfsutils ntfs-3g acl attr',
  // Network.
  'iproute2 ethtool wireguard-tools nftables libteam-utils',
].flatMap((names) => names.split(' '));
