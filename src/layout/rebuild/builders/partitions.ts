/** Partition tables, each made with all its partitions by one sfdisk(8) script. */
import { LifeboatError } from '../../../kernel/errors.ts';
import type { Command } from '../../../plan/action.ts';
import type { Component, ComponentOf } from '../../types.ts';
import { isMap, mapPartition } from '../attached.ts';
import { aboveOfKind, type Builder, command, device, only, type Site } from '../builder.ts';

type Table = ComponentOf<'table'>;
type Partition = ComponentOf<'partition'>;

export const diskBuilder: Builder<ComponentOf<'disk'>> = { create: () => [] };

export const tableBuilder: Builder<Table> = {
  problem({ type, geometry }) {
    if (type !== 'gpt' && type !== 'dos') return `a partition table of the type ${type}`;
    return geometry === undefined ? 'its partition table could not be read when it was captured' : undefined;
  },
  compared(table) {
    const { geometry } = table;
    if (geometry === undefined) return table;
    // That follows from where its partitions begin.
    const { alignmentBytes: _, ...rest } = geometry;
    return { ...table, geometry: rest };
  },
  release(table) {
    const disk = only(table);
    return isMap(disk) ? [{ argv: ['kpartx', '-d', '-p', '-part', device(disk)], okCodes: [0, 1] }] : [];
  },
  create(table, site) {
    const disk = only(table);
    return [
      {
        title: `make the partition table (${nameOf(table)}) with its partitions`,
        commands: [
          written(table, site, 'always'),
          command('udevadm', 'settle'),
          ...(isMap(disk) ? mapped(disk, partitionsOf(table, site)) : []),
        ],
      },
    ];
  },
  edit(table, site, stays) {
    const disk = only(table);
    const others = partitionsOf(table, site).filter(({ id, role }) => role !== 'extended' && !stays(id));
    return [
      {
        title: `make other partitions in the partition table (${nameOf(table)}) beside those that stay`,
        commands: [
          written(table, site, 'never'),
          command('udevadm', 'settle'),
          ...(isMap(disk) ? [command('kpartx', '-u', '-s', '-p', '-part', device(disk))] : []),
          // They may begin where others did that held something.
          ...others.map(({ id }) => command('wipefs', '--all', '--quiet', device(id))),
        ],
      },
    ];
  },
};

const nameOf = ({ type }: Table): string => (type === 'gpt' ? 'GPT' : 'MBR');

/** The whole table at once. What lies in a partition that was there before is not touched, unless it shall be wiped. */
function written(table: Table, site: Site, wipe: 'always' | 'never'): Command {
  const disk = only(table);
  return {
    argv: [
      'sfdisk',
      '--quiet',
      '--wipe',
      wipe,
      '--wipe-partitions',
      wipe,
      // An array or a group that stays may hold the disk; the kernel is told of what is other than before. Of a map it knows nothing.
      ...(wipe === 'never' || isMap(disk) ? ['--no-reread'] : []),
      ...(isMap(disk) ? ['--no-tell-kernel'] : []),
      device(disk),
    ],
    stdin: sfdiskScript(table, partitionsOf(table, site)),
  };
}

/** The rule of udev, which each system has in its own way, may have mapped them by now. */
function mapped(disk: string, [first]: readonly Partition[]): Command[] {
  if (first === undefined) return [];
  const script = 'test -e "$1" || kpartx -a -s -p -part "$2"';
  return [
    command('sh', '-euc', script, 'sh', mapPartition(disk, first.number), device(disk)),
    command('udevadm', 'settle'),
  ];
}

export const partitionBuilder: Builder<Partition> = {
  create: () => [],
  path(partition, below, site) {
    const { number, role } = partition;
    const whole = diskUnder(partition, site);
    if (isMap(whole)) return mapPartition(whole, number);
    // A logical one stands on the extended one, and is named after the disk all the same.
    const disk = role === 'logical' ? below().replace(/(-part|(?<=\d)p)?\d+$/, '') : below();
    if (disk.startsWith('/dev/disk/')) return `${disk}-part${number}`;
    return /\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`;
  },
};

function diskUnder(component: Component, site: Site): string {
  return component.kind === 'partition' || component.kind === 'table'
    ? diskUnder(site.get(only(component)), site)
    : component.id;
}

function partitionsOf(table: Table, site: Site): readonly Partition[] {
  const direct = aboveOfKind(site, table.id, 'partition');
  const logical = direct.flatMap(({ id, role }) => (role === 'extended' ? aboveOfKind(site, id, 'partition') : []));
  return [...direct, ...logical].sort((a, b) => a.number - b.number);
}

function sfdiskScript({ id, type, uuid, geometry }: Table, partitions: readonly Partition[]): string {
  const sector = geometry?.sectorSize ?? 512;
  const head = [
    `label: ${type}`,
    ...(uuid === undefined ? [] : [`label-id: ${uuid}`]),
    'unit: sectors',
    `sector-size: ${sector}`,
    // Where nobody says so, sfdisk lets none begin before 1 MiB.
    ...(type === 'gpt' && geometry?.firstSector !== undefined ? [`first-lba: ${geometry.firstSector}`] : []),
    ...(type === 'gpt' && geometry?.entries !== undefined ? [`table-length: ${geometry.entries}`] : []),
  ];
  const lines = partitions.map(({ number, startBytes, sizeBytes, typeId, partUuid, name, flags }) => {
    if (startBytes === undefined)
      throw new LifeboatError('bug', `${id}: nobody chose where partition ${number} begins`);
    const fields = [
      `start=${startBytes / sector}`,
      `size=${sizeBytes / sector}`,
      ...(typeId === undefined ? [] : [`type=${typeId.replace(/^0x/, '')}`]),
      ...(type === 'gpt' && partUuid !== undefined ? [`uuid=${partUuid}`] : []),
      ...(name === undefined ? [] : [`name=${JSON.stringify(name)}`]),
      ...flagFields(type, flags),
    ];
    return `${number} : ${fields.join(', ')}`;
  });
  return `${[...head, '', ...lines].join('\n')}\n`;
}

const namedBits = ['RequiredPartition', 'NoBlockIOProtocol', 'LegacyBIOSBootable'];

/** GPT attributes, of which sfdisk names the first and counts the others; or the MBR's active flag. */
function flagFields(type: string, flags: string | undefined): string[] {
  if (flags === undefined) return [];
  if (type !== 'gpt') return ['bootable'];
  const bits = Array.from({ length: 64 }, (_, bit) => bit).filter(
    (bit) => ((BigInt(flags) >> BigInt(bit)) & 1n) === 1n,
  );
  const numbered = bits.filter((bit) => namedBits[bit] === undefined);
  const words = [
    ...bits.flatMap((bit) => namedBits[bit] ?? []),
    ...(numbered.length === 0 ? [] : [`GUID:${numbered.join(',')}`]),
  ];
  return [`attrs="${words.join(' ')}"`];
}
