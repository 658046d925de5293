/** exFAT, from its boot sector. */
import { z } from 'zod';
import { filesystemKind, fromHead, type Inspected } from '../filesystem.ts';

const count = z.number().nonnegative();

const geometry = z.object({
  sectorSize: count,
  clusterBytes: count,
  clusterCount: count,
  totalSectors: count,
  /** In sectors: where the table of clusters and where the clusters begin, as `mkfs.exfat -b` aligns them. */
  tableStart: count,
  tableSectors: count,
  clustersStart: count,
  /** Two are for transactions, which Linux does not have. */
  tableCount: count,
  /** Sectors before the partition; 0 where nobody said. */
  hiddenSectors: count,
  /** As `1.0`. */
  revision: z.string(),
});

type Geometry = z.infer<typeof geometry>;

export const exfat = filesystemKind({
  kind: 'exfat',
  claims: ['exfat'],
  geometry,
  inspect: fromHead(4096, parseExfat),
});

/**
 * Microsoft's exFAT specification, section 3.1.
 *
 * @throws Error for what is none
 */
export function parseExfat(sector: Buffer): Inspected<Geometry> {
  if (sector.length < 512 || sector.toString('latin1', 3, 11) !== 'EXFAT   ')
    throw new Error('not an exFAT boot sector');
  const sectorShift = sector.readUInt8(108);
  const clusterShift = sector.readUInt8(109);
  if (sectorShift < 9 || sectorShift > 12 || clusterShift > 25 - sectorShift)
    throw new Error('no possible sizes in it');
  const sectorSize = 2 ** sectorShift;
  const totalSectors = Number(sector.readBigUInt64LE(72));
  if (!Number.isSafeInteger(totalSectors * sectorSize)) throw new Error('no possible size in it');
  return {
    sizeBytes: totalSectors * sectorSize,
    geometry: {
      sectorSize,
      clusterBytes: sectorSize * 2 ** clusterShift,
      clusterCount: sector.readUInt32LE(92),
      totalSectors,
      tableStart: sector.readUInt32LE(80),
      tableSectors: sector.readUInt32LE(84),
      clustersStart: sector.readUInt32LE(88),
      tableCount: sector.readUInt8(110),
      hiddenSectors: Number(sector.readBigUInt64LE(64)),
      revision: `${sector.readUInt8(105)}.${sector.readUInt8(104)}`,
    },
  };
}
