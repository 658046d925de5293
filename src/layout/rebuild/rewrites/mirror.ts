/** A machine on one disk is made on two: each partition with data is a mirror of md, half of it on a disk that it did not have. */
import type { Component, ComponentOf, Layout } from '../../types.ts';
import { roundUp } from '../room.ts';
import { siteOf } from '../site.ts';
import { derivedUuid, ofKind, restacked, standingOn } from './edit.ts';
import { isBootPartition, mbrUuid, partitionsIn, retyped, tableOf } from './partitions.ts';
import type { Rewrite } from './rewrite.ts';

type Disk = ComponentOf<'disk'>;
type Partition = ComponentOf<'partition'>;
type Table = ComponentOf<'table'>;

const mebibyte = 1 << 20;
/** Superblock and bitmap lie before the data. */
const dataOffsetBytes = mebibyte;

export const mirror: Rewrite<ComponentOf<'disk'>> = {
  rule: 'mirror',
  kinds: ['disk'],
  problem(disk, layout) {
    const above = standingOn(layout, disk.id);
    if (above.length === 0) return 'nothing stands on it';
    if (above.some(({ kind }) => kind !== 'table')) return 'it is used as a whole';
    const { disksUnder } = siteOf(layout.components);
    const wide = layout.components.find(({ id }) => disksUnder(id).includes(disk.id) && disksUnder(id).length > 1);
    return wide === undefined ? undefined : `${wide.id} lies on other disks, too`;
  },
  rewrite(disk, layout) {
    const second = otherDisk(disk);
    const [table] = ofKind(layout, 'table').filter(({ on }) => on.includes(disk.id));
    if (table === undefined) return { layout, notes: [] };
    const copy = otherTable(table, second);
    const pairs = partitionsIn(layout, table).map((one) => ({ one, other: otherPartition(one, copy, table) }));
    const ids = new Map(pairs.map(({ one, other }) => [one.id, other.id]));
    const copies = pairs.map(({ other }) => ({ ...other, on: other.on.map((id) => ids.get(id) ?? id) }));
    const start: Layout = { ...layout, components: [...layout.components, second, copy, ...copies] };
    const held = pairs.filter(({ one }) => isMirrored(one, layout));
    const mirrored = held.reduce((now, { one, other }) => withArray(now, one, other), start);
    const starts = pairs.filter(({ one }) => isBootPartition(one)).map(({ other }) => other.number);
    return {
      layout: mirrored,
      notes: [
        `${disk.id} is mirrored onto a disk more: ${held.map(({ one }) => `partition ${one.number}`).join(', ')}`,
        ...starts.map(
          (number) =>
            `partition ${number} of the second disk is empty: what starts the machine has to be put there, too`,
        ),
      ],
    };
  },
};

/** As large and of the same sort; which one it will be is chosen by that alone. */
function otherDisk({ serial: _serial, wwn: _wwn, busPath: _path, ...disk }: Disk): Disk {
  return { ...disk, id: `${disk.id}+mirror`, device: `a second ${disk.device}`, on: [] };
}

function otherTable(table: Table, disk: Disk): Table {
  const uuid = derivedUuid('mirror', table.uuid ?? table.id);
  return {
    ...table,
    id: `table:${disk.id}`,
    on: [disk.id],
    uuid: table.type === 'gpt' ? uuid : `0x${uuid.slice(0, 8)}`,
  };
}

function otherPartition(partition: Partition, copy: Table, table: Table): Partition {
  const partUuid = copy.type === 'gpt' ? derivedUuid('mirror', partition.id) : mbrUuid(copy, partition.number);
  const on = partition.on.map((one) => (one === table.id ? copy.id : one));
  return { ...partition, id: `partition:${partUuid}`, on, partUuid };
}

const isMirrored = (partition: Partition, layout: Layout): boolean =>
  partition.role !== 'extended' && !isBootPartition(partition) && standingOn(layout, partition.id).length > 0;

function withArray(layout: Layout, one: Partition, other: Partition): Layout {
  const uuid = derivedUuid('array', one.id);
  const members = [one.id, other.id];
  const array: Component = {
    kind: 'md',
    id: `md:${uuid}`,
    on: members,
    uuid,
    // What needs all of its partition still does.
    sizeBytes: roundUp(one.sizeBytes, 64 * 1024),
    geometry: {
      level: 'raid1',
      raidDevices: 2,
      metadata: '1.2',
      // Of no host: whichever it is started on takes it for its own.
      name: `any:${nameOf(one, layout)}`,
      consistency: 'bitmap',
      bitmap: { chunkBytes: 64 * mebibyte },
      members: members.map((on, slot) => ({ on, role: 'active', slot, dataOffsetBytes })),
    },
  };
  const stacked = restacked({ ...layout, components: [...layout.components, array] }, new Set([one.id]), array.id);
  return members.reduce(retyped, stacked);
}

const nameOf = (partition: Partition, layout: Layout): string =>
  `${tableOf(layout, partition)?.on[0]?.replace(/\W+/g, '-') ?? 'disk'}-${partition.number}`.slice(-28);
