/** Filesystems of other systems: FAT, exFAT, NTFS and JFS. */
import type { ComponentOf } from '../../types.ts';
import { type Builder, command, device, only, option } from '../builder.ts';
import { roundUp } from '../room.ts';
import { lookedAt, made, mkfsLimitMs, renewedOn, sectorsNote, unread } from './mkfs.ts';

export const vfatBuilder: Builder<ComponentOf<'vfat'>> = {
  onSectors: (component, sectorBytes) => renewedOn(component, component.geometry?.sectorSize, sectorBytes),
  problem: unread,
  create(component, site) {
    const { geometry, uuid, label, sizeBytes } = component;
    const identity = [...option('-i', uuid?.replace('-', '')), ...option('-n', label)];
    const own =
      geometry === undefined
        ? []
        : [
            ...option('-F', geometry.bits),
            ...option('-S', geometry.sectorSize),
            ...option('-s', geometry.sectorsPerCluster),
            ...option('-f', geometry.tableCount),
            ...option('-R', geometry.reservedSectors),
            ...option('-h', geometry.hiddenSectors),
            ...option('-g', `${geometry.heads}/${geometry.sectorsPerTrack}`),
            ...option('-r', geometry.rootEntries === 0 ? undefined : geometry.rootEntries),
          ];
    // What it lies on may be larger than it was.
    const blocks = sizeBytes % 1024 === 0 ? [String(sizeBytes / 1024)] : [];
    const at = only(component);
    // On a whole disk it would pretend to be a partition.
    const whole = site.get(at).kind === 'partition' ? [] : ['-I', '--mbr=no'];
    return made(component, [command('mkfs.fat', ...whole, ...own, ...identity, device(at), ...blocks)]);
  },
};

export const exfatBuilder: Builder<ComponentOf<'exfat'>> = {
  onSectors: (component, sectorBytes) => renewedOn(component, component.geometry?.sectorSize, sectorBytes),
  problem: (component) =>
    component.geometry?.tableCount === 2 ? 'it has two tables, for transactions' : unread(component),
  create(component) {
    const { geometry, uuid, label } = component;
    const at = device(only(component));
    const own =
      geometry === undefined ? [] : [...option('-c', geometry.clusterBytes), ...option('-b', boundaryOf(geometry))];
    const serial = uuid?.replace('-', '');
    return made(component, [
      { argv: ['mkfs.exfat', ...own, ...option('-L', label), at] },
      ...(serial === undefined ? [] : [command('tune.exfat', '-I', `0x${serial}`, at), lookedAt(at)]),
    ]);
  },
  compared(component) {
    const { geometry } = component;
    if (geometry === undefined) return component;
    // How large the table is, follows from the version of mkfs.exfat; what is before it, from its partition.
    return { ...component, geometry: { ...geometry, tableSectors: 0, hiddenSectors: 0 } };
  },
};

/**
 * The boundary at which mkfs.exfat(8) begins its table and its clusters, counted from the beginning of the disk; by versions that do not
 * look where the partition begins, from that of the partition.
 */
function boundaryOf(geometry: NonNullable<ComponentOf<'exfat'>['geometry']>): number | undefined {
  const { hiddenSectors, tableStart, tableSectors, clustersStart, sectorSize } = geometry;
  const boundaries = Array.from({ length: 20 }, (_, power) => sectorSize * 2 ** power);
  const fits = (start: number, boundary: number): boolean =>
    roundUp((start + bootSectors) * sectorSize, boundary) === (start + tableStart) * sectorSize &&
    roundUp((start + tableStart + tableSectors) * sectorSize, boundary) === (start + clustersStart) * sectorSize;
  return boundaries.find((boundary) => fits(hiddenSectors, boundary) || fits(0, boundary));
}

/** Of the boot region and its copy. */
const bootSectors = 24;

export const ntfsBuilder: Builder<ComponentOf<'ntfs'>> = {
  onSectors: (component, sectorBytes) => renewedOn(component, component.geometry?.sectorSize, sectorBytes),
  problem: unread,
  create(component) {
    const { geometry, uuid, label } = component;
    const at = device(only(component));
    // The last sector holds a copy of the first, and is not counted.
    const sectors = geometry === undefined ? [] : [String(geometry.totalSectors + 1)];
    const own =
      geometry === undefined
        ? []
        : [
            ...option('--cluster-size', geometry.clusterBytes),
            ...option('--sector-size', geometry.sectorSize),
            ...option('--partition-start', geometry.hiddenSectors),
            ...option('--heads', geometry.heads),
            ...option('--sectors-per-track', geometry.sectorsPerTrack),
          ];
    return made(component, [
      {
        argv: ['mkntfs', '--quick', '--quiet', ...own, ...option('--label', label), at, ...sectors],
        timeoutMs: mkfsLimitMs,
      },
      ...(uuid === undefined ? [] : [command('ntfslabel', `--new-serial=${uuid}`, at), lookedAt(at)]),
    ]);
  },
};

export const jfsBuilder: Builder<ComponentOf<'jfs'>> = {
  onSectors(component, sectorBytes) {
    const { geometry } = component;
    if (geometry === undefined || geometry.blockSize < sectorBytes)
      return renewedOn(component, geometry?.blockSize, sectorBytes);
    if (geometry.sectorSize >= sectorBytes) return undefined;
    const note = sectorsNote(geometry.sectorSize, sectorBytes);
    return { component: { ...component, geometry: { ...geometry, sectorSize: sectorBytes } }, note };
  },
  problem: (component) =>
    component.geometry?.log.externalUuid === undefined ? unread(component) : 'its log lies on another device',
  create(component) {
    const { geometry, uuid, label, sizeBytes } = component;
    const at = device(only(component));
    const { caseInsensitive = false, blockSize = 0, log } = geometry ?? {};
    const logMiB = log?.blockCount === undefined ? undefined : (log.blockCount * blockSize) / (1 << 20);
    return made(component, [
      {
        argv: [
          'mkfs.jfs',
          '-q',
          ...(caseInsensitive ? ['-O'] : []),
          ...option('-s', logMiB),
          ...option('-L', label),
          at,
          ...(blockSize === 0 ? [] : [String(sizeBytes / blockSize)]),
        ],
        timeoutMs: mkfsLimitMs,
      },
      ...(uuid === undefined
        ? []
        : [command('sh', '-euc', writeJfsUuid, 'sh', at, uuid.replaceAll('-', '').toUpperCase()), lookedAt(at)]),
    ]);
  },
};

/** Into the superblock and its copy, which have no sum: jfs_tune(8) would make it one of a later version, too. */
const writeJfsUuid = `
for place in 32904 61576; do
  printf %s "$2" | basenc --decode --base16 | dd of="$1" bs=1 seek="$place" conv=nocreat,notrunc,fsync status=none
done
`;
