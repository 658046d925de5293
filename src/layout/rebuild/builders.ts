/** How each kind is made: the one list. A kind that is not here cannot be made yet, and a plan says so. */
import type { Component, ComponentOf, Kind } from '../types.ts';
import type { Builder } from './builder.ts';
import { bcacheBuilder, bcacheSetBuilder } from './builders/bcache.ts';
import { btrfsBuilder, subvolumeBuilder } from './builders/btrfs.ts';
import { drbdBuilder, zfsBuilder, zpoolBuilder } from './builders/by-hand.ts';
import { cryptBuilder } from './builders/crypt.ts';
import { extBuilder } from './builders/ext.ts';
import { f2fsBuilder } from './builders/f2fs.ts';
import { exfatBuilder, jfsBuilder, ntfsBuilder, vfatBuilder } from './builders/foreign.ts';
import { integrityBuilder } from './builders/integrity.ts';
import { luksBuilder } from './builders/luks.ts';
import { lvBuilder, pvBuilder, vgBuilder } from './builders/lvm.ts';
import { mdContainerBuilder } from './builders/md-container.ts';
import { mdBuilder } from './builders/md.ts';
import { diskBuilder, partitionBuilder, tableBuilder } from './builders/partitions.ts';
import { swapBuilder } from './builders/swap.ts';
import { xfsBuilder } from './builders/xfs.ts';

const builders: { readonly [K in Kind]?: Builder<ComponentOf<K>> } = {
  disk: diskBuilder,
  table: tableBuilder,
  partition: partitionBuilder,
  md: mdBuilder,
  'md-container': mdContainerBuilder,
  luks: luksBuilder,
  crypt: cryptBuilder,
  integrity: integrityBuilder,
  pv: pvBuilder,
  vg: vgBuilder,
  lv: lvBuilder,
  'bcache-set': bcacheSetBuilder,
  bcache: bcacheBuilder,
  drbd: drbdBuilder,
  zpool: zpoolBuilder,
  zfs: zfsBuilder,
  ext: extBuilder,
  xfs: xfsBuilder,
  btrfs: btrfsBuilder,
  subvolume: subvolumeBuilder,
  f2fs: f2fsBuilder,
  vfat: vfatBuilder,
  exfat: exfatBuilder,
  ntfs: ntfsBuilder,
  jfs: jfsBuilder,
  swap: swapBuilder,
};

const byKind = new Map<string, Builder<Component>>(Object.entries(builders));

/** How a component is made, or `undefined` for a kind of which nobody knows. */
export function builderOf({ kind }: Component): Builder<Component> | undefined {
  return byKind.get(kind);
}
