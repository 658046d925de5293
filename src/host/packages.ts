/** Which Debian package holds a tool, for hints and for `doctor`. */
import { basename } from 'node:path/posix';

const toolsOf: Readonly<Record<string, readonly string[]>> = {
  bash: ['bash'],
  'btrfs-progs': ['btrfs', 'mkfs.btrfs', 'btrfstune'],
  bzip2: ['bzip2'],
  coreutils: [
    'cat',
    'chmod',
    'chroot',
    'cp',
    'dd',
    'df',
    'env',
    'head',
    'ls',
    'mktemp',
    'mv',
    'readlink',
    'realpath',
    'rm',
    'sha256sum',
    'stat',
    'sync',
    'test',
    'uname',
  ],
  criu: ['criu'],
  'cryptsetup-bin': ['cryptsetup', 'veritysetup', 'integritysetup'],
  dmsetup: ['dmsetup', 'blkdeactivate'],
  'docker.io': ['docker'],
  dosfstools: ['mkfs.vfat', 'mkfs.fat', 'fatlabel', 'fsck.fat'],
  dpkg: ['dpkg', 'dpkg-query'],
  'drbd-utils': ['drbdadm', 'drbdsetup', 'drbdmeta'],
  'bcache-tools': ['make-bcache', 'bcache-super-show'],
  e2fsprogs: ['mkfs.ext2', 'mkfs.ext3', 'mkfs.ext4', 'tune2fs', 'dumpe2fs', 'resize2fs', 'e2fsck', 'chattr', 'lsattr'],
  efibootmgr: ['efibootmgr'],
  ethtool: ['ethtool'],
  exfatprogs: ['mkfs.exfat', 'tune.exfat'],
  'f2fs-tools': ['mkfs.f2fs', 'fsck.f2fs', 'dump.f2fs', 'resize.f2fs'],
  fdisk: ['fdisk', 'sfdisk'],
  findutils: ['find'],
  gdisk: ['sgdisk', 'gdisk'],
  grep: ['grep'],
  'grub-common': ['grub-mkconfig', 'grub-probe', 'grub-editenv'],
  'grub2-common': ['grub-install', 'update-grub'],
  gzip: ['gzip'],
  'initramfs-tools': ['update-initramfs', 'mkinitramfs'],
  iproute2: ['ip', 'ss', 'tc', 'bridge'],
  jfsutils: ['mkfs.jfs', 'jfs_tune'],
  kmod: ['lsmod', 'modprobe'],
  'libcap2-bin': ['getcap', 'setcap'],
  'libteam-utils': ['teamd', 'teamdctl', 'teamnl'],
  lvm2: [
    'lvm',
    'lvs',
    'vgs',
    'pvs',
    'pvck',
    'pvcreate',
    'vgcreate',
    'lvcreate',
    'vgchange',
    'vgcfgrestore',
    'vgcfgbackup',
  ],
  mdadm: ['mdadm'],
  mount: ['mount', 'umount', 'losetup', 'swapon', 'swapoff'],
  'multipath-tools': ['multipath', 'multipathd'],
  'open-iscsi': ['iscsiadm', 'iscsid', 'iscsistart'],
  nftables: ['nft'],
  iptables: ['iptables', 'iptables-save', 'iptables-restore', 'ip6tables', 'ip6tables-save', 'ip6tables-restore'],
  'ntfs-3g': ['mkntfs', 'ntfslabel'],
  'openssh-client': ['ssh', 'ssh-keygen', 'ssh-keyscan', 'ssh-agent', 'scp', 'sftp'],
  parted: ['parted', 'partprobe'],
  podman: ['podman'],
  procps: ['ps', 'sysctl', 'pgrep'],
  'qemu-utils': ['qemu-img', 'qemu-nbd'],
  'qemu-system-x86': ['qemu-system-x86_64'],
  rpm: ['rpm'],
  rsync: ['rsync'],
  sed: ['sed'],
  systemd: ['systemctl', 'journalctl', 'loginctl', 'systemd-detect-virt', 'hostnamectl'],
  udev: ['udevadm'],
  tar: ['tar'],
  'util-linux': [
    'lsblk',
    'findmnt',
    'blkid',
    'wipefs',
    'mkswap',
    'flock',
    'fsfreeze',
    'unshare',
    'nsenter',
    'blockdev',
    'zramctl',
  ],
  'wireguard-tools': ['wg', 'wg-quick'],
  xfsprogs: ['mkfs.xfs', 'xfs_db', 'xfs_info', 'xfs_admin', 'xfs_repair', 'xfs_growfs'],
  xfsdump: ['xfsdump', 'xfsrestore'],
  'xz-utils': ['xz'],
  'zfsutils-linux': ['zfs', 'zpool', 'zdb'],
  zstd: ['zstd'],
};

const packageOfTool = new Map(
  Object.entries(toolsOf).flatMap(([name, tools]) => tools.map((tool): [string, string] => [tool, name])),
);

/** The Debian package of a tool given by name or path; `undefined` for one that is not in the table. */
export function packageOf(tool: string): string | undefined {
  return packageOfTool.get(basename(tool));
}

/** The next step for someone who lacks `tool`. */
export function missingToolHint(tool: string): string {
  const name = packageOf(tool);
  return name === undefined
    ? `Install ${basename(tool)} on that host, or see that its directory is in PATH.`
    : `Install it there; on Debian and Ubuntu: apt-get install ${name}.`;
}
