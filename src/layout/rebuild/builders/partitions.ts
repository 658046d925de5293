/** Partition tables, each made with all its partitions by one sfdisk(8) script. */
import { LifeboatError } from '../../../kernel/errors.ts';
import type { ComponentOf } from '../../types.ts';
import { aboveOfKind, type Builder, device, only, type Site } from '../builder.ts';

type Table = ComponentOf<'table'>;
type Partition = ComponentOf<'partition'>;

export const diskBuilder: Builder<ComponentOf<'disk'>> = { create: () => [] };

export const tableBuilder: Builder<Table> = {
  problem({ type, geometry }) {
    if (type !== 'gpt' && type !== 'dos') return `a partition table of the type ${type}`;
    return geometry === undefined ? 'its partition table could not be read when it was captured' : undefined;
  },
  create(table, site) {
    const disk = only(table);
    return [
      {
        title: `make the partition table (${table.type === 'gpt' ? 'GPT' : 'MBR'}) with its partitions`,
        commands: [
          {
            argv: ['sfdisk', '--quiet', '--wipe', 'always', '--wipe-partitions', 'always', device(disk)],
            stdin: sfdiskScript(table, partitionsOf(table, site)),
          },
          { argv: ['udevadm', 'settle'] },
        ],
      },
    ];
  },
};

export const partitionBuilder: Builder<Partition> = {
  create: () => [],
  path({ number, role }, below) {
    // A logical one stands on the extended one, and is named after the disk all the same.
    const disk = role === 'logical' ? below().replace(/(-part|(?<=\d)p)?\d+$/, '') : below();
    if (disk.startsWith('/dev/disk/')) return `${disk}-part${number}`;
    return /\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`;
  },
};

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
