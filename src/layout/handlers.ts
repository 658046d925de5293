/** The one list of kinds: a new one is a file in `handlers/` and a line here. */
import { bcache } from './handlers/bcache.ts';
import { bcacheSet } from './handlers/bcache-set.ts';
import { boot } from './handlers/boot.ts';
import { btrfs } from './handlers/btrfs.ts';
import { crypt } from './handlers/crypt.ts';
import { disk } from './handlers/disk.ts';
import { exfat } from './handlers/exfat.ts';
import { drbd } from './handlers/drbd.ts';
import { ext } from './handlers/ext.ts';
import { f2fs } from './handlers/f2fs.ts';
import { filesystem } from './handlers/filesystem.ts';
import { integrity } from './handlers/integrity.ts';
import { iscsi } from './handlers/iscsi.ts';
import { jfs } from './handlers/jfs.ts';
import { raidController } from './handlers/hwraid/controller.ts';
import { logicalDrive } from './handlers/hwraid/logical.ts';
import { loader } from './handlers/loader.ts';
import { loop } from './handlers/loop.ts';
import { luks } from './handlers/luks.ts';
import { md } from './handlers/md.ts';
import { mdContainer } from './handlers/md-container.ts';
import { lv } from './handlers/lvm/lv.ts';
import { pv } from './handlers/lvm/pv.ts';
import { vg } from './handlers/lvm/vg.ts';
import { mount } from './handlers/mount.ts';
import { multipath } from './handlers/multipath.ts';
import { ntfs } from './handlers/ntfs.ts';
import { partition } from './handlers/partition.ts';
import { subvolume } from './handlers/subvolume.ts';
import { swap } from './handlers/swap.ts';
import { table } from './handlers/table.ts';
import { unknown } from './handlers/unknown.ts';
import { vfat } from './handlers/vfat.ts';
import { xfs } from './handlers/xfs.ts';
import { zfs } from './handlers/zfs/zfs.ts';
import { zpool } from './handlers/zfs/zpool.ts';
import { zram } from './handlers/zram.ts';

/** In the order in which components are listed. */
export const handlers = [
  raidController,
  logicalDrive,
  iscsi,
  disk,
  multipath,
  table,
  partition,
  loop,
  zram,
  mdContainer,
  md,
  bcacheSet,
  bcache,
  pv,
  vg,
  lv,
  luks,
  crypt,
  integrity,
  drbd,
  zpool,
  zfs,
  ext,
  xfs,
  btrfs,
  subvolume,
  vfat,
  f2fs,
  exfat,
  jfs,
  ntfs,
  filesystem,
  swap,
  mount,
  boot,
  loader,
  unknown,
] as const;
