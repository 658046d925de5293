/** What lies on the partitions, made by a release's own tools, as unlike the defaults as it can be. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, command, run, within } from './commands.ts';
import { device } from './disks.ts';
import { uuid } from './ids.ts';

const gptDisk: readonly Command[] = [
  command('mkfs.vfat -F 32 -s 1 -i 1A2B3C4D -n', 'EFI SYS', device('gpt', 2)),
  command(`mkfs.ext2 -q -b 1024 -I 128 -m 0 -L boot -U ${uuid(0x303)}`, device('gpt', 3)),
  command(
    `mkfs.ext4 -q -I 512 -m 3 -i 8192 -J size=16 -U ${uuid(0x304)} -E stride=16,stripe_width=64,hash_seed=${uuid(0x404)}`,
    '-L',
    'root "a"\\b c',
    device('gpt', 4),
  ),
  command('tune2fs -c 30 -i 90d -e remount-ro -o acl,user_xattr,discard', device('gpt', 4)),
  command(
    `mkfs.xfs -q -L data/1 -m uuid=${uuid(0x305)} -d su=64k,sw=4,agcount=2 -l size=64m -i size=1024`,
    device('gpt', 5),
  ),
  command(`mkswap -U ${uuid(0x306)} -L`, 'swap ä', device('gpt', 6)),
  command(`mkfs.ext3 -q -L old -U ${uuid(0x30c)} -r 1`, device('gpt', 12)),
];

const mbrDisk: readonly Command[] = [
  command('mkfs.vfat -F 16 -n DOS -i 16161616', device('mbr', 1)),
  command(`mkfs.ext2 -q -U ${uuid(0x312)}`, device('mbr', 2)),
  command('mkfs.vfat -F 12 -i 12121212', device('mbr', 4)),
  command(
    `mkfs.ext4 -q -O quota,project,casefold,metadata_csum_seed,inline_data,bigalloc,64bit -C 16384 -U ${uuid(0x315)}`,
    '-E',
    `encoding=utf8,quotatype=usrquota:prjquota,hash_seed=${uuid(0x415)}`,
    device('mbr', 5),
  ),
  command(`mkswap -U ${uuid(0x317)}`, device('mbr', 7)),
];

const otherDisks: readonly Command[] = [
  command('mkfs.vfat -S 4096 -n EFI4K -i 4B4B4B4B', device('native4k', 1)),
  command(`mkfs.xfs -q -s size=4096 -m uuid=${uuid(0x322)},reflink=0`, device('native4k', 2)),
  command(`mkfs.ext4 -q -O quota,project,^has_journal -U ${uuid(0x323)}`, device('native4k', 3)),
  command(`mkfs.btrfs -q -M --csum xxhash -U ${uuid(0x324)}`, device('native4k', 4)),
  command(`mkfs.ext4 -q -F -T small -U ${uuid(0x330)} -L`, 'no table', device('bare')),
];

const overTwoDisks: readonly Command[] = [
  command(`mkfs.btrfs -q -m raid1 -d raid1 -U ${uuid(0x307)} -L`, 'tank 1', device('gpt', 7), device('mbr', 6)),
  command('pvcreate -q --norestorefile -u lifeBo-at00-0000-0000-0000-0000-000001', device('gpt', 8)),
  command('pvcreate -q --norestorefile -u lifeBo-at00-0000-0000-0000-0000-000002', device('mbr', 8)),
  command('vgcreate -q -s 4m vg-a', device('gpt', 8)),
  // Made without activating it: there need not be a device mapper in the kernel.
  command('lvcreate -q --driverloaded n -an -Zn -Wn -L 32m -n home-1 vg-a'),
];

const luks = command(
  `cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid ${uuid(0x309)}`,
  '--label',
  'secret',
  '--key-file',
  '-',
  device('gpt', 9),
);

const f2fsFeatures = [
  'encrypt,extra_attr,project_quota,inode_checksum,flexible_inline_xattr,quota,inode_crtime',
  'lost_found,verity,sb_checksum,casefold,compression',
].join();

const f2fs = command(
  `mkfs.f2fs -q -l flash -U ${uuid(0x30a)} -s 2 -z 2 -o 20 -i -e 7z,vhd -E sqlite,wal -O ${f2fsFeatures} -C utf8:strict`,
  device('gpt', 10),
);

/** f2fs keeps the version of the kernel that made it, and with it who built that: one without a builder stands for it. */
function makeF2fs(root: string): void {
  const [own, shown] = [join(root, 'run/version'), join(root, 'proc/version')];
  writeFileSync(own, 'Linux version 6.1.0-lifeboat\n');
  run(['mount', '--bind', own, shown]);
  try {
    run(within(root, f2fs));
  } finally {
    run(['umount', shown]);
    rmSync(own);
  }
}

export function makeFilesystems(root: string): void {
  for (const each of [...gptDisk, ...mbrDisk, ...otherDisks, ...overTwoDisks]) run(within(root, each));
  makeF2fs(root);
  run(within(root, luks), 'correct horse battery staple');
}
