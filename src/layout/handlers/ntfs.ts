/** NTFS, from its boot sector. */
import { z } from 'zod';
import { filesystemKind, fromHead, type Inspected } from '../filesystem.ts';

const count = z.number().nonnegative();

const geometry = z.object({
  sectorSize: count,
  clusterBytes: count,
  totalSectors: count,
  /** Of an entry of the table of files, and of an index. */
  recordBytes: count,
  indexBytes: count,
  /** Clusters in which the table of files and its copy begin. */
  tableStart: count,
  tableCopyStart: count,
  /** As the loader of Windows needs them. */
  hiddenSectors: count,
  sectorsPerTrack: count,
  heads: count,
});

type Geometry = z.infer<typeof geometry>;

export const ntfs = filesystemKind({
  kind: 'ntfs',
  claims: ['ntfs'],
  geometry,
  inspect: fromHead(4096, parseNtfs),
});

/**
 * `struct NTFS_BOOT_SECTOR` of ntfs-3g's `layout.h`.
 *
 * @throws Error for what is none
 */
export function parseNtfs(sector: Buffer): Inspected<Geometry> {
  if (sector.length < 512 || sector.toString('latin1', 3, 11) !== 'NTFS    ')
    throw new Error('not an NTFS boot sector');
  const sectorSize = sector.readUInt16LE(11);
  const clusterBytes = sectorSize * unitOf(sector.readUInt8(13));
  const totalSectors = Number(sector.readBigUInt64LE(40));
  if (![256, 512, 1024, 2048, 4096].includes(sectorSize) || !Number.isSafeInteger(totalSectors * sectorSize))
    throw new Error('no possible sizes in it');
  return {
    sizeBytes: totalSectors * sectorSize,
    geometry: {
      sectorSize,
      clusterBytes,
      totalSectors,
      recordBytes: recordOf(sector.readInt8(64), clusterBytes),
      indexBytes: recordOf(sector.readInt8(68), clusterBytes),
      tableStart: Number(sector.readBigUInt64LE(48)),
      tableCopyStart: Number(sector.readBigUInt64LE(56)),
      hiddenSectors: sector.readUInt32LE(28),
      sectorsPerTrack: sector.readUInt16LE(24),
      heads: sector.readUInt16LE(26),
    },
  };
}

/** Sectors in a cluster; large ones are written as the negative exponent of 2. */
function unitOf(byte: number): number {
  return byte > 128 ? 2 ** (256 - byte) : byte;
}

/** In clusters, or, as a negative exponent of 2, in bytes. */
function recordOf(said: number, clusterBytes: number): number {
  return said < 0 ? 2 ** -said : said * clusterBytes;
}
