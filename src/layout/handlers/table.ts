/** A partition table: what is between a disk and its partitions. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from '../handler.ts';
import { partitionNumber } from '../identity.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import type { Table as FoundTable, TablePartition } from '../tools/sfdisk.ts';

const schema = z.object({
  kind: z.literal('table'),
  ...common,
  /** `gpt` or `dos`; others by the name that blkid has for them. */
  type: z.string(),
  /** GUID of the disk, or the MBR's signature as `0x1b2c3d4e`. */
  uuid: text,
  /** As it stands on the disk; absent where nobody could read it. */
  geometry: z
    .object({
      sectorSize: bytes,
      /** Partitions may lie from here to there, both included. */
      firstSector: bytes.exactOptional(),
      lastSector: bytes.exactOptional(),
      /** How many partitions a GPT has room for. */
      entries: bytes.exactOptional(),
      /** All partitions begin at multiples of this; at most 1 MiB. */
      alignmentBytes: bytes.exactOptional(),
      /** Partitions that are in the table and that the kernel does not have, by number. */
      unused: z.array(z.number()).exactOptional(),
    })
    .exactOptional(),
});

type Table = z.infer<typeof schema>;

export const table: LayoutHandler<Table> = {
  kind: 'table',
  schema,
  under: carriers,
  async capture(probes) {
    const tabled = probes.devices.filter((device) => device.table !== undefined && device.type !== 'part');
    return tabled.map((device) => {
      const found = probes.tables.get(device.number);
      const kernels = probes.devices.filter(({ type, parents }) => type === 'part' && parents.includes(device.number));
      const type = device.table ?? found?.type ?? 'unknown';
      return {
        kind: 'table' as const,
        id: tableId(probes.ids.get(device.number) ?? device.number),
        on: [probes.ids.get(device.number) ?? device.number],
        type,
        ...present({
          uuid: found?.uuid ?? signature(type, device.tableUuid),
          geometry: found === undefined ? undefined : geometryOf(found, kernels),
        }),
      };
    });
  },
  title({ type, uuid, geometry: { alignmentBytes, unused } = {} }) {
    const name = { gpt: 'GPT', dos: 'MBR' }[type] ?? type;
    return [
      `partition table ${name}`,
      uuid,
      alignmentBytes === undefined || alignmentBytes >= 1 << 20
        ? undefined
        : `aligned to ${formatBytes(alignmentBytes)}`,
      unused === undefined ? undefined : `the kernel does not use its partitions ${unused.join(', ')}`,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: ({ geometry }) =>
    geometry?.unused === undefined
      ? undefined
      : missing(`the kernel does not use its partitions ${geometry.unused.join(', ')}: what is on them cannot be read`),
  volatile: [],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

export function tableId(device: string): string {
  return `table:${device}`;
}

/** lsblk writes the signature of an MBR as bare digits. */
function signature(type: string, uuid: string | undefined): string | undefined {
  return type === 'dos' && uuid !== undefined && !uuid.startsWith('0x') ? `0x${uuid}` : uuid;
}

function geometryOf(found: FoundTable, kernels: readonly BlockDevice[]): NonNullable<Table['geometry']> {
  return {
    sectorSize: found.sectorSize,
    ...present({
      firstSector: found.firstSector,
      lastSector: found.lastSector,
      entries: found.entries ?? (found.type === 'gpt' ? 128 : undefined),
      alignmentBytes: alignment(found.partitions),
      unused: unusedBy(kernels, found),
    }),
  };
}

/** The largest power of two, up to 1 MiB, of which every start is a multiple. */
function alignment(partitions: readonly TablePartition[]): number | undefined {
  if (partitions.length === 0) return undefined;
  let aligned = 1 << 20;
  for (const { startBytes } of partitions) while (startBytes % aligned !== 0) aligned /= 2;
  return aligned;
}

/** A disk image or the disk of a guest holds a table too, and the kernel leaves it alone. */
function unusedBy(kernels: readonly BlockDevice[], { partitions }: FoundTable): number[] | undefined {
  const used = new Set(kernels.map(partitionNumber));
  const unused = partitions.map(({ number }) => number).filter((number) => !used.has(number));
  return unused.length === 0 ? undefined : unused;
}
