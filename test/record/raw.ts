/** What tools print on the machine, whether capture asks for it or not: to design parsers from. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, type Command, command, within } from './commands.ts';
import { device } from './disks.ts';

const partitions = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13].map((number) => device('gpt', number)),
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => device('mbr', number)),
  ...[1, 2, 3, 4].map((number) => device('native4k', number)),
];
const wholes = [device('gpt'), device('mbr'), device('native4k'), device('bare'), device('empty'), device('image')];
const exts = [
  ...[2, 3, 4, 12].map((number) => device('gpt', number)),
  device('mbr', 5),
  device('native4k', 3),
  device('bare'),
];
const xfs = [device('gpt', 5), device('native4k', 2), device('gpt', 4)];
const btrfs = [device('gpt', 7), device('mbr', 6), device('native4k', 4), device('gpt', 4)];
const fat = [device('gpt', 2), device('mbr', 1), device('mbr', 4), device('native4k', 1)];
const swaps = [device('gpt', 6), device('mbr', 7), '/swap file'];
const xfsMounts = ['/srv/data store', '/mnt/xfs4k'];
const btrfsMounts = ['/mnt/top', '/tank', '/home', '/mnt/mixed'];

/** Each line with each of the paths after it. */
function each(paths: readonly string[], ...lines: readonly string[]): Command[] {
  return paths.flatMap((path) => lines.map((line) => command(line, path)));
}

function lines(...all: readonly string[]): Command[] {
  return all.map((line) => command(line));
}

function firstBytes(paths: readonly string[]): Command[] {
  return paths.map((path) => ['sh', '-c', `dd if=${path} bs=512 count=1 status=none | od -A d -t x1z`]);
}

const mountColumns =
  'TARGET,SOURCE,FSTYPE,OPTIONS,VFS-OPTIONS,FS-OPTIONS,FSROOT,MAJ:MIN,LABEL,UUID,PARTUUID,PROPAGATION,OPT-FIELDS';

/** By subject: each subject is a file. */
const questions: Readonly<Record<string, readonly Command[]>> = {
  lsblk: lines('lsblk -J -b -O', 'lsblk -f', 'lsblk --version'),
  findmnt: lines(
    `findmnt -J -b -l -v -o ${mountColumns}`,
    'findmnt -J -b -l -o TARGET,SIZE,USED -t ext4,xfs,btrfs',
    'findmnt -J -l --fstab -o TARGET,SOURCE,FSTYPE,OPTIONS,FREQ,PASSNO',
    'findmnt --verify',
    'cat /proc/self/mountinfo /etc/fstab /proc/swaps',
  ),
  blkid: [
    command('blkid -p -o export', ...wholes, ...partitions),
    ...each([...wholes, ...partitions], 'blkid -p -o export'),
  ],
  sfdisk: each([...wholes, device('gpt', 3)], 'sfdisk -J', 'sfdisk -d', 'sfdisk -l'),
  sgdisk: each([device('gpt'), device('native4k')], 'sgdisk -p', 'sgdisk -i 4'),
  parted: wholes.map((path) => command('parted -m -s', path, 'unit', 'B', 'print')),
  ext: each(exts, 'dumpe2fs -h', 'tune2fs -l'),
  xfs: [
    ...each(xfs, 'xfs_admin -l -u', 'xfs_info'),
    ...xfs.map((path): Command => ['xfs_db', '-r', '-c', 'info', '-c', 'sb 0', '-c', 'p', path]),
    ...each(xfsMounts, 'xfs_info', 'xfs_spaceman -c info'),
  ],
  btrfs: [
    ...lines('btrfs --version', 'btrfs filesystem show --raw'),
    ...each(
      btrfs,
      'btrfs filesystem show --raw',
      'btrfs inspect-internal dump-super',
      'btrfs inspect-internal dump-super -f',
    ),
  ],
  'btrfs-mounted': each(
    btrfsMounts,
    'btrfs subvolume list -pacguqR',
    'btrfs subvolume list -t -pcguqR',
    'btrfs subvolume list -r',
    'btrfs subvolume list -d',
    'btrfs subvolume get-default',
    'btrfs subvolume show',
    'btrfs property get',
    'btrfs filesystem df --raw',
    'btrfs filesystem usage --raw',
    'btrfs filesystem show --raw',
    'btrfs device usage --raw',
    'btrfs device stats',
    'btrfs qgroup show --raw -pcre',
    'btrfs quota status',
    'lsattr -d',
    'lsattr',
  ),
  'btrfs-json': each(
    btrfsMounts,
    'btrfs --format json subvolume get-default',
    'btrfs --format json subvolume list -pcguqR',
    'btrfs --format json subvolume show',
    'btrfs --format json filesystem df',
    'btrfs --format json filesystem usage',
    'btrfs --format json filesystem show',
    'btrfs --format json device stats',
    'btrfs --format json device usage',
    'btrfs --format json qgroup show -pcre',
    'btrfs --format json quota status',
    'btrfs --format json property get',
  ),
  vfat: [...firstBytes(fat), ...each(fat, 'fsck.vfat -n -v', 'fatlabel', 'fatlabel -i')],
  swap: [
    ...each(swaps, 'swaplabel'),
    ...lines('swapon --show=NAME,TYPE,SIZE,USED,PRIO,UUID,LABEL --bytes --raw', 'cat /proc/swaps'),
  ],
  f2fs: [
    ...each([device('gpt', 10)], 'dump.f2fs -d 1'),
    ['sh', '-c', `dd if=${device('gpt', 10)} bs=4096 count=1 status=none | od -A d -t x1z`],
  ],
  dm: [
    ...lines('dmsetup info -c', 'dmsetup ls --tree', 'dmsetup table'),
    ...lines('pvs --reportformat json -o pv_all --units b', 'vgs --reportformat json -o vg_all --units b'),
    ...lines('lvs --reportformat json -a -o lv_all --units b', 'lvm fullreport --reportformat json --units b'),
    ...each([device('gpt', 9)], 'cryptsetup luksDump', 'cryptsetup luksDump --dump-json-metadata'),
  ],
  md: lines('mdadm --detail --scan', 'mdadm --examine --scan', 'cat /proc/mdstat'),
  boot: lines(
    'efibootmgr -v',
    'ls -la /boot /boot/efi /sys/firmware /boot/grub',
    'cat /boot/grub/grub.cfg /etc/default/grub',
    'grub-probe --target=fs_uuid /boot',
    'grub-editenv list',
    'bootctl status',
    'lsmod',
    'cat /proc/cmdline',
  ),
  bytes: firstBytes(wholes),
  udev: [['sh', '-c', 'head -n 100 /run/udev/data/b*'], ...lines('ls -lR /dev/disk', 'udevadm info --export-db')],
  network: lines(
    'ip -j -d addr show',
    'ip -j -d link show',
    'ip -j -4 route show table all',
    'ip -j -6 route show table all',
    'ip -j -d -4 route show table all',
    'ip -j rule show',
    'ip -j -6 rule show',
    'ip -j neigh show',
    'ip -j tunnel show',
    'ip -j nexthop show',
    'bridge -j vlan show',
    'bridge -j -d link show',
    'nft -j list ruleset',
    'nft list ruleset',
    'iptables-save',
    'ip6tables-save',
    'ethtool eth0',
    'ethtool -i eth0',
    'ethtool -k eth0',
    'ethtool -P eth0',
    'sysctl -a --pattern net.ipv[46].(ip_forward|conf.all)',
  ),
};

/** A file for each subject, with command lines, what they printed, and how they ended. */
export function writeRaw(root: string, directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [subject, commands] of Object.entries(questions)) {
    const parts = commands.map((each) => {
      const { code, stdout, stderr } = ask(within(root, each));
      return `$ ${each.join(' ')}\n${stdout}--- exit code ${code}; stderr:\n${stderr}\n`;
    });
    rmSync(join(directory, subject), { force: true });
    writeFileSync(join(directory, subject), parts.join('\n'), 'latin1');
  }
}
