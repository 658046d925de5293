/** FAT12, FAT16 and FAT32, from the boot sector itself: no tool prints it without reading the whole filesystem. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { filesystemKind, fromHead, type Inspected } from '../filesystem.ts';

const count = z.number().nonnegative();

const geometry = z.object({
  /** Of a table entry: 12, 16 or 32. */
  bits: z.union([z.literal(12), z.literal(16), z.literal(32)]),
  sectorSize: count,
  sectorsPerCluster: count,
  reservedSectors: count,
  tableCount: count,
  tableSectors: count,
  /** Of the root directory; 0 in FAT32. */
  rootEntries: count,
  totalSectors: count,
  /** Sectors before the partition, as the boot code of some firmware needs it. */
  hiddenSectors: count,
  sectorsPerTrack: count,
  heads: count,
  mediaDescriptor: count,
});

type Geometry = z.infer<typeof geometry>;

/** Boot sector and, in FAT32, the sector after it with the count of free clusters. */
const headBytes = 8192;

export const vfat = filesystemKind({
  kind: 'vfat',
  claims: ['vfat', 'msdos'],
  geometry,
  inspect: fromHead(headBytes, parseBootSector),
  words: ({ bits }) => [`FAT${bits}`],
});

/** The BIOS parameter block; Microsoft FAT specification (2005), sections 3.1 to 3.5. */
export function parseBootSector(sector: Buffer): Inspected<Geometry> {
  if (sector.length < 512 || sector.readUInt16LE(510) !== 0xaa55) throw new Error('not a boot sector');
  const sectorSize = sector.readUInt16LE(11);
  const sectorsPerCluster = sector.readUInt8(13);
  const reservedSectors = sector.readUInt16LE(14);
  const tableCount = sector.readUInt8(16);
  const rootEntries = sector.readUInt16LE(17);
  const totalSectors = sector.readUInt16LE(19) || sector.readUInt32LE(32);
  const tableSectors = sector.readUInt16LE(22) || sector.readUInt32LE(36);
  if (![512, 1024, 2048, 4096].includes(sectorSize) || sectorsPerCluster === 0 || totalSectors === 0)
    throw new Error('not a FAT boot sector');
  const rootSectors = Math.ceil((rootEntries * 32) / sectorSize);
  const dataSectors = totalSectors - reservedSectors - tableCount * tableSectors - rootSectors;
  const clusters = Math.floor(dataSectors / sectorsPerCluster);
  // The number of clusters alone decides; but FAT32 is also what has no 16-bit size of its tables.
  const bits = sector.readUInt16LE(22) === 0 ? 32 : clusters < 4085 ? 12 : 16;
  const free = bits === 32 ? freeClusters(sector, sector.readUInt16LE(48) * sectorSize, clusters) : undefined;
  const clusterBytes = sectorsPerCluster * sectorSize;
  return {
    sizeBytes: totalSectors * sectorSize,
    ...present({ usedBytes: free === undefined ? undefined : (clusters - free) * clusterBytes }),
    geometry: {
      bits,
      sectorSize,
      sectorsPerCluster,
      reservedSectors,
      tableCount,
      tableSectors,
      rootEntries,
      totalSectors,
      hiddenSectors: sector.readUInt32LE(28),
      sectorsPerTrack: sector.readUInt16LE(24),
      heads: sector.readUInt16LE(26),
      mediaDescriptor: sector.readUInt8(21),
    },
  };
}

/** From the FSInfo sector: a hint that need not be right, so only a possible one is taken. */
function freeClusters(head: Buffer, offset: number, clusters: number): number | undefined {
  if (offset === 0 || head.length < offset + 512 || head.readUInt32LE(offset) !== 0x41615252) return undefined;
  const free = head.readUInt32LE(offset + 488);
  return free <= clusters ? free : undefined;
}
