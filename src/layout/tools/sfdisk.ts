import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import type { Argv } from '../../host/host.ts';

/** Reads the table from the device itself; the kernel may know another one. */
export function sfdiskArgv(device: string): Argv {
  return ['sfdisk', '-J', device];
}

const number = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]);

const tableSchema = z.object({
  label: z.string(),
  id: z.string().exactOptional(),
  firstlba: number.exactOptional(),
  lastlba: number.exactOptional(),
  // Named only where it is not 128, or 512 bytes.
  'table-length': number.exactOptional(),
  sectorsize: number.exactOptional(),
  partitions: z
    .array(
      z.object({
        node: z.string(),
        start: number,
        size: number,
        type: z.string().exactOptional(),
        uuid: z.string().exactOptional(),
        name: z.string().exactOptional(),
        attrs: z.string().exactOptional(),
        bootable: z.boolean().exactOptional(),
      }),
    )
    .default([]),
});

/** A partition as the table on the disk has it. */
export interface TablePartition {
  readonly number: number;
  readonly startBytes: number;
  readonly sizeBytes: number;
  readonly typeId?: string;
  readonly uuid?: string;
  readonly name?: string;
  /** GPT attributes or the MBR's active flag, as a hexadecimal number; absent when there is none. */
  readonly flags?: string;
}

export interface Table {
  readonly type: string;
  readonly uuid?: string;
  readonly sectorSize: number;
  readonly firstSector?: number;
  readonly lastSector?: number;
  readonly entries?: number;
  readonly partitions: readonly TablePartition[];
}

/** @param sectorSize of the device, for versions that do not say it */
export function parseSfdisk(stdout: string, sectorSize: number): Table {
  const { partitiontable: table } = z.object({ partitiontable: tableSchema }).parse(JSON.parse(stdout));
  const unit = table.sectorsize ?? sectorSize;
  return {
    type: table.label,
    sectorSize: unit,
    ...present({
      uuid: table.id?.toLowerCase(),
      firstSector: table.firstlba,
      lastSector: table.lastlba,
      entries: table['table-length'],
    }),
    partitions: table.partitions.map((partition) => ({
      number: Number(/(\d+)$/.exec(partition.node)?.[1] ?? Number.NaN),
      startBytes: partition.start * unit,
      sizeBytes: partition.size * unit,
      ...present({
        typeId: typeOf(partition.type, table.label),
        uuid: partition.uuid?.toLowerCase(),
        name: partition.name,
        flags: partition.bootable === true ? '0x80' : flagsOf(partition.attrs),
      }),
    })),
  };
}

/** sfdisk writes GUIDs in capitals and MBR types without `0x`, lsblk the other way round: here as lsblk does. */
function typeOf(type: string | undefined, label: string): string | undefined {
  return label === 'dos' && type !== undefined ? `0x${type.toLowerCase()}` : type?.toLowerCase();
}

const namedBits: Readonly<Record<string, bigint>> = {
  RequiredPartition: 0n,
  NoBlockIOProtocol: 1n,
  LegacyBIOSBootable: 2n,
};

/** `RequiredPartition LegacyBIOSBootable GUID:60,63` → `0x9000000000000005`, the form that lsblk gives. */
function flagsOf(attrs: string | undefined): string | undefined {
  if (attrs === undefined) return undefined;
  let flags = 0n;
  for (const word of attrs.trim().split(/\s+/)) {
    const [, bits] = /^GUID:([\d,]+)$/.exec(word) ?? [];
    const named = namedBits[word];
    if (bits !== undefined) for (const bit of bits.split(',')) flags |= 1n << BigInt(bit);
    else if (named !== undefined) flags |= 1n << named;
    else throw new Error(`not a partition attribute: ${word}`);
  }
  return flags === 0n ? undefined : `0x${flags.toString(16)}`;
}
