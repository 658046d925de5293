/** Random layouts for property tests: disks with tables, arrays, encrypted volumes, volume groups and filesystems on them. */
import * as fc from 'fast-check';
import { type Component, type Layout, parseLayout } from '../../src/layout/types.ts';

const mib = 1 << 20;
const gib = 2 ** 30;

type Content = 'ext' | 'xfs' | 'swap' | 'lvm' | 'nothing';

interface PartitionShape {
  readonly mib: number;
  readonly gapMib: number;
  readonly content: Content;
  readonly encrypted: boolean;
  /** Of what it holds, in per cent. */
  readonly full: number;
}

interface Shape {
  readonly disks: readonly {
    readonly sector: 512 | 4096;
    readonly gpt: boolean;
    readonly partitions: readonly PartitionShape[];
  }[];
  readonly volumes: readonly { readonly part: number; readonly full: number; readonly kind: 'ext' | 'xfs' }[];
  /** A RAID 1 over a partition of its own on each of the first two disks. */
  readonly mirror: boolean;
}

const partition: fc.Arbitrary<PartitionShape> = fc.record({
  mib: fc.integer({ min: 400, max: 20_000 }),
  gapMib: fc.integer({ min: 0, max: 16 }),
  content: fc.constantFrom<Content>('ext', 'xfs', 'swap', 'lvm', 'nothing'),
  encrypted: fc.boolean(),
  full: fc.integer({ min: 0, max: 100 }),
});

const shape: fc.Arbitrary<Shape> = fc.record({
  disks: fc.array(
    fc.record({
      sector: fc.constantFrom(512 as const, 4096 as const),
      gpt: fc.boolean(),
      partitions: fc.array(partition, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  volumes: fc.array(
    fc.record({
      part: fc.integer({ min: 5, max: 40 }),
      full: fc.integer({ min: 0, max: 100 }),
      kind: fc.constantFrom('ext' as const, 'xfs' as const),
    }),
    { maxLength: 3 },
  ),
  mirror: fc.boolean(),
});

/** A machine with these stacks, its layout whole and valid. */
export const randomLayout: fc.Arbitrary<Layout> = shape.map(layoutOf);

function layoutOf({ disks, volumes, mirror }: Shape): Layout {
  const components: Component[] = [];
  const physical: string[] = [];
  const members: string[] = [];
  disks.forEach(({ sector, gpt, partitions }, index) => {
    const id = `disk:S${index}`;
    const table = `table:${id}`;
    let start = mib;
    const own = partitions.map((one, place): Component => {
      const startBytes = start + one.gapMib * mib;
      start = startBytes + one.mib * mib;
      return partitionComponent(`partition:${index}-${place + 1}`, table, place + 1, startBytes, one.mib * mib);
    });
    if (mirror && index < 2 && own.length < 4) {
      const member = partitionComponent(`partition:${index}-m`, table, own.length + 1, start, 2 * gib);
      start += 2 * gib;
      members.push(member.id);
      own.push(member);
    }
    components.push(
      {
        kind: 'disk',
        id,
        on: [],
        device: `/dev/sd${'abcd'[index]}`,
        serial: `S${index}`,
        sizeBytes: start + 8 * mib,
        logicalSector: sector,
        rotational: false,
        removable: false,
        readOnly: false,
      },
      {
        kind: 'table',
        id: table,
        on: [id],
        type: gpt ? 'gpt' : 'dos',
        uuid: `uuid-${index}`,
        geometry: { sectorSize: sector, alignmentBytes: mib, ...(gpt ? { entries: 128 } : {}) },
      },
      ...own,
    );
    partitions.forEach((one, place) => {
      const under = `partition:${index}-${place + 1}`;
      components.push(...contentOf(one, under, one.mib * mib, physical));
    });
  });
  if (members.length === 2) {
    const size = 2 * gib - mib;
    components.push({
      kind: 'md',
      id: 'md:m',
      on: members,
      uuid: 'm',
      sizeBytes: size,
      geometry: {
        level: 'raid1',
        raidDevices: 2,
        metadata: '1.2',
        members: members.map((on, slot) => ({ on, role: 'active', slot, dataOffsetBytes: mib })),
      },
    });
    components.push(filesystem('ext', 'filesystem:m', 'md:m', size, 20));
  }
  components.push(...groupOn(physical, volumes, components));
  return parseLayout({ format: 'lifeboat.layout/1', capturedAt: '2026-11-21T12:00:00.000Z', components, gaps: [] });
}

function partitionComponent(id: string, on: string, number: number, startBytes: number, sizeBytes: number): Component {
  return { kind: 'partition', id, on: [on], device: '/dev/sdx1', number, role: 'primary', startBytes, sizeBytes };
}

function contentOf(
  { content, encrypted, full }: PartitionShape,
  partitionId: string,
  size: number,
  physical: string[],
): Component[] {
  if (content === 'nothing') return [];
  const offset = 16 * mib;
  const luks: Component = {
    kind: 'luks',
    id: `luks:${partitionId}`,
    on: [partitionId],
    uuid: partitionId,
    sizeBytes: size,
    open: true,
    name: partitionId,
    geometry: { version: 2, sectorSize: 512, offsetBytes: offset, flags: [], requirements: [], slots: [], tokens: [] },
  };
  const under = encrypted ? luks.id : partitionId;
  const room = encrypted ? size - offset : size;
  const first = encrypted ? [luks] : [];
  if (content === 'swap')
    return [...first, { kind: 'swap', id: `swap:${partitionId}`, on: [under], sizeBytes: room, active: true }];
  if (content === 'lvm') {
    const pv = `pv:${partitionId}`;
    physical.push(pv);
    return [
      ...first,
      {
        kind: 'pv',
        id: pv,
        on: [under],
        uuid: pv,
        sizeBytes: room,
        startBytes: mib,
        extents: Math.floor((room - mib) / (4 * mib)),
      },
    ];
  }
  return [...first, filesystem(content, `filesystem:${partitionId}`, under, room, full)];
}

function filesystem(kind: 'ext' | 'xfs', id: string, on: string, sizeBytes: number, full: number): Component {
  const usedBytes = Math.floor((sizeBytes * full) / 100);
  const common = { id, on: [on], uuid: id, sizeBytes, usedBytes };
  if (kind === 'xfs') {
    return {
      ...common,
      kind,
      type: 'xfs',
      geometry: {
        blockSize: 4096,
        blockCount: sizeBytes / 4096,
        inodeSize: 512,
        groupCount: 4,
        groupSize: 1000,
        sectorSize: 512,
        stripeUnit: 0,
        stripeWidth: 0,
        features: ['crc'],
        absentFeatures: [],
        directoryBlockSize: 4096,
        directoryVersion: 2,
        log: { external: false, blockCount: 16_384, version: 2 },
      },
    };
  }
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
}

function groupOn(
  physical: readonly string[],
  volumes: Shape['volumes'],
  components: readonly Component[],
): Component[] {
  if (physical.length === 0) return [];
  const extent = 4 * mib;
  const extents = components.reduce((total, one) => total + (one.kind === 'pv' ? (one.extents ?? 0) : 0), 0);
  const result: Component[] = [
    {
      kind: 'vg',
      id: 'vg:g',
      on: [...physical],
      uuid: 'g',
      name: 'data',
      extentBytes: extent,
      extents,
      sizeBytes: extents * extent,
    },
  ];
  volumes.forEach(({ part, full, kind }, index) => {
    const own = Math.floor((extents * part) / 150);
    if (own < 100) return;
    const id = `lv:${index}`;
    result.push(
      {
        kind: 'lv',
        id,
        on: ['vg:g'],
        uuid: id,
        name: `v${index}`,
        sizeBytes: own * extent,
        segments: [{ type: 'linear', start: 0, extents: own, areas: [] }],
      },
      filesystem(kind, `filesystem:${id}`, id, own * extent, full),
    );
  });
  return result;
}
