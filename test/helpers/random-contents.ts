/** What random layouts have on a device: filesystems, swap, physical volumes, encrypted or not. */
import * as fc from 'fast-check';
import type { Component } from '../../src/layout/types.ts';

const mib = 1 << 20;
const luksOffset = 16 * mib;

type Kind = 'ext' | 'xfs' | 'btrfs' | 'vfat' | 'swap' | 'lvm' | 'nothing';

export interface Content {
  readonly kind: Kind;
  readonly encrypted: boolean;
  /** Of what it holds, in per cent. */
  readonly full: number;
  /** Of two groups, which it is of. */
  readonly group: 0 | 1;
}

export const contentShape: fc.Arbitrary<Content> = fc.record({
  kind: fc.constantFrom<Kind>('ext', 'xfs', 'btrfs', 'vfat', 'swap', 'lvm', 'lvm', 'nothing'),
  encrypted: fc.boolean(),
  full: fc.integer({ min: 0, max: 100 }),
  group: fc.constantFrom(0 as const, 1 as const),
});

/** A layout while it is put together. */
export interface Stacking {
  readonly components: Component[];
  /** Ids of physical volumes of each group. */
  readonly physical: readonly [string[], string[]];
}

/** Puts it on a device of that size. */
export function contentOf(content: Content, on: string, bytes: number, prefix: string, stacking: Stacking): void {
  const { kind, encrypted, full, group } = content;
  const name = on.replaceAll(':', '-');
  if (kind === 'nothing') return;
  const isLuks = encrypted && bytes > 3 * luksOffset;
  if (isLuks) {
    stacking.components.push({
      kind: 'luks',
      id: `luks:${name}`,
      on: [on],
      uuid: uuidOf(name),
      sizeBytes: bytes,
      open: true,
      name: `crypt-${name}`,
      geometry: {
        version: 2,
        sectorSize: 512,
        offsetBytes: luksOffset,
        flags: [],
        requirements: [],
        slots: [],
        tokens: [],
      },
    });
  }
  const under = isLuks ? `luks:${name}` : on;
  const room = isLuks ? bytes - luksOffset : bytes;
  if (kind === 'swap') {
    const uuid = uuidOf(name);
    stacking.components.push({ kind, id: `swap:${name}`, on: [under], uuid, sizeBytes: room, active: true });
  } else if (kind === 'lvm') {
    const id = `pv:${prefix}${name}`;
    stacking.physical[group].push(id);
    const extents = Math.floor((room - mib) / (4 * mib));
    const metadata = { copies: 1, sizeBytes: mib - 4096 };
    stacking.components.push({
      kind: 'pv',
      id,
      on: [under],
      uuid: id,
      sizeBytes: room,
      startBytes: mib,
      extents,
      metadata,
    });
  } else stacking.components.push(filesystem(kind, name, under, room, full));
}

/** It fills its device as far as its blocks go. */
export function filesystem(
  kind: 'ext' | 'xfs' | 'btrfs' | 'vfat',
  name: string,
  on: string,
  room: number,
  full: number,
): Component {
  const sizeBytes = Math.floor(room / 4096) * 4096;
  const usedBytes = Math.floor((sizeBytes * full) / 100);
  const common = { id: `filesystem:${name}`, on: [on], uuid: uuidOf(name), sizeBytes, usedBytes };
  switch (kind) {
    case 'xfs':
      return {
        ...common,
        kind,
        type: 'xfs',
        geometry: {
          blockSize: 4096,
          blockCount: sizeBytes / 4096,
          inodeSize: 512,
          groupCount: 4,
          groupSize: Math.ceil(sizeBytes / 16_384),
          sectorSize: 512,
          stripeUnit: 0,
          stripeWidth: 0,
          features: [
            'bigtime',
            'crc',
            'finobt',
            'ftype',
            'inobtcount',
            'lazy-count',
            'projid32bit',
            'reflink',
            'sparse',
          ],
          absentFeatures: ['ascii-ci', 'nrext64', 'rmapbt'],
          directoryBlockSize: 4096,
          directoryVersion: 2,
          log: { external: false, blockCount: 16_384, version: 2 },
        },
      };
    case 'ext':
      return {
        ...common,
        kind,
        type: 'ext4',
        geometry: {
          features: ['has_journal'],
          blockSize: 4096,
          blockCount: sizeBytes / 4096,
          inodeSize: 256,
          inodeCount: Math.floor(sizeBytes / 16_384),
          reservedBlocks: 0,
          blocksPerGroup: 32_768,
          defaultMountOptions: [],
          onErrors: 'Continue',
          journal: { sizeBytes: 16 * mib },
        },
      };
    case 'btrfs':
      return {
        ...common,
        kind,
        type: 'btrfs',
        geometry: {
          nodeSize: 16_384,
          sectorSize: 4096,
          checksum: 'crc32c',
          features: ['extended_iref', 'free_space_tree', 'no_holes', 'skinny_metadata'],
          deviceCount: 1,
          devices: [{ devid: 1, sizeBytes, on }],
          profiles: { data: ['single'], system: ['dup'], metadata: ['dup'] },
        },
      };
    case 'vfat':
      return {
        ...common,
        kind,
        type: 'vfat',
        uuid: '0505-0001',
        geometry: {
          bits: 32,
          sectorSize: 512,
          sectorsPerCluster: 8,
          reservedSectors: 32,
          tableCount: 2,
          tableSectors: 1000,
          rootEntries: 0,
          totalSectors: sizeBytes / 512,
          hiddenSectors: 0,
          sectorsPerTrack: 32,
          heads: 2,
          mediaDescriptor: 248,
        },
      };
  }
}

/** Looks like one, and is another for each name. */
export function uuidOf(name: string): string {
  const digits = Buffer.from(name.padEnd(16, '.')).toString('hex').slice(-32);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
