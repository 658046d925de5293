/** A machine that started by BIOS starts by UEFI: its disk gets a GPT and an EFI system partition. */
import type { Component, ComponentOf, Layout } from '../../types.ts';
import { withNames } from '../retarget.ts';
import { derivedUuid, edited, ofKind, standingOn } from './edit.ts';
import { startedBy, startsOf } from './boot.ts';
import { appended, biosBootType, espTypes, partitionsIn, typeIdFor } from './partitions.ts';
import type { Rewrite } from './rewrite.ts';

const mebibyte = 1 << 20;
/** Room for several loaders, and for FAT32 in sectors of 4 KiB. */
const espBytes = 512 * mebibyte;

export const uefi: Rewrite<ComponentOf<'disk'>> = {
  rule: 'uefi',
  kinds: ['disk'],
  problem(disk, layout) {
    if (bootOf(layout)?.firmware === 'uefi') return 'the machine starts by UEFI already';
    return tableOn(layout, disk.id) === undefined ? 'it has no partition table' : undefined;
  },
  rewrite(disk, layout) {
    const old = tableOn(layout, disk.id);
    if (old === undefined) return { layout, notes: [] };
    const spare = partitionsIn(layout, old).filter(({ typeId }) => typeId?.toLowerCase() === biosBootType);
    const gone = new Set(spare.map(({ id }) => id));
    const starts = startsOf(layout, gone);
    const bare = edited(layout, (one) => (gone.has(one.id) ? [] : [one]));
    const divided = old.type === 'gpt' ? bare : withGpt(bare, old);
    const table = tableOn(divided, disk.id) ?? old;
    const known = partitionsIn(divided, table).find(({ typeId }) => typeId === espTypes.gpt);
    if (known !== undefined) return { layout: startedBy(divided, 'uefi', starts), notes: notesOf(old) };
    const { layout: wider, partition } = appended(divided, table, {
      seed: `esp of ${table.id}`,
      sizeBytes: espBytes,
      typeId: espTypes.gpt,
      name: 'EFI system',
    });
    const serial = derivedUuid('esp', table.id).slice(0, 8).toUpperCase();
    const uuid = `${serial.slice(0, 4)}-${serial.slice(4)}`;
    const components: Component[] = [
      {
        kind: 'vfat',
        id: `filesystem:${uuid}`,
        on: [partition.id],
        renewed: true,
        type: 'vfat',
        uuid,
        sizeBytes: espBytes,
      },
      espMount(uuid),
    ];
    const { number, partUuid = '' } = partition;
    const esp = { role: 'esp' as const, id: partition.id, number, partUuid, mounts: ['/boot/efi'] };
    return {
      layout: startedBy({ ...wider, components: [...wider.components, ...components] }, 'uefi', [...starts, esp]),
      notes: [...notesOf(old), `it starts from a new EFI system partition on ${disk.id}, to be mounted at /boot/efi`],
    };
  },
};

const notesOf = ({ type, on }: ComponentOf<'table'>): string[] => [
  ...(type === 'gpt' ? [] : [`${on.join(', ')} has a GPT instead of an MBR: its partitions have other PARTUUIDs`]),
  'it starts by UEFI instead of BIOS, and needs a boot loader for that',
];

const bootOf = (layout: Layout): ComponentOf<'boot'> | undefined => ofKind(layout, 'boot')[0];

export const tableOn = (layout: Layout, disk: string): ComponentOf<'table'> | undefined =>
  ofKind(layout, 'table').find(({ on }) => on.includes(disk));

/** An MBR as GPT: logical partitions keep their numbers, and what held them is gone. */
function withGpt(layout: Layout, old: ComponentOf<'table'>): Layout {
  const { uuid: _, geometry, ...rest } = old;
  const sectorSize = geometry?.sectorSize ?? 512;
  const table: ComponentOf<'table'> = {
    ...rest,
    type: 'gpt',
    uuid: derivedUuid('table', old.uuid ?? old.id),
    geometry: { sectorSize, firstSector: mebibyte / sectorSize, lastSector: 0, entries: 128 },
  };
  const partitions = new Map(partitionsIn(layout, old).map((one) => [one.id, one]));
  const names = new Map([...partitions.keys()].map((id) => [id, `partition:${derivedUuid('gpt', id)}`]));
  const divided = edited(layout, (component) => {
    if (component.id === table.id) return [table];
    const partition = partitions.get(component.id);
    if (partition === undefined) return [component];
    if (partition.role === 'extended') return [];
    const { role: _role, flags: _flags, ...plain } = partition;
    const typeId =
      partition.typeId === espTypes.dos ? espTypes.gpt : typeIdFor(standingOn(layout, partition.id)[0], table);
    return [{ ...plain, on: [table.id], partUuid: derivedUuid('gpt', partition.id), typeId }];
  });
  return withNames(divided, names);
}

function espMount(uuid: string): ComponentOf<'mount'> {
  const [spec, type, options] = [`UUID=${uuid}`, 'vfat', 'umask=0077'];
  return {
    kind: 'mount',
    id: 'mount:/boot/efi',
    on: [`filesystem:${uuid}`],
    path: '/boot/efi',
    mounted: false,
    source: spec,
    fstype: type,
    options,
    root: '/',
    category: 'local',
    fstab: { spec, type, options, dump: 0, pass: 1 },
  };
}
