/** What a capture says of filesystems, in the lines of `fs-witness.ts`. */
import type { Component, ComponentOf, Layout } from '../../src/layout/types.ts';

/** @param kernelName of a device by any of its names: `/dev/mapper/vg-lv` is `/dev/dm-0` */
export function saidOfFilesystems({ components }: Layout, kernelName: (path: string) => string): string[] {
  const devices = new Map(
    components.flatMap((one) =>
      'device' in one && one.device !== undefined ? [[one.id, kernelName(one.device)]] : [],
    ),
  );
  const byId = new Map(components.map((one) => [one.id, one]));
  const pathsOf = (id: string): string[] => {
    const device = devices.get(id);
    if (device !== undefined) return [device];
    const one = byId.get(id);
    return one === undefined || one.kind === 'mount' ? [] : one.on.flatMap(pathsOf);
  };
  return [...new Set(components.flatMap((one) => linesOf(one, pathsOf, kernelName)))].sort();
}

type PathsOf = (id: string) => string[];

function linesOf(one: Component, pathsOf: PathsOf, kernelName: (path: string) => string): string[] {
  if (one.kind === 'mount') return mountLines(one, pathsOf, kernelName);
  if (one.kind === 'subvolume') return [subvolumeLine(one)];
  if (one.kind === 'table')
    return one.type === 'dos' ? [] : [`table ${pathsOf(one.id)[0]} ${one.type} ${one.uuid?.toLowerCase()}`];
  if (one.kind === 'swap') return [...contentLines(one, 'swap', pathsOf), ...swapLines(one, pathsOf)];
  if (one.kind === 'btrfs') return [...contentLines(one, one.type, pathsOf), ...btrfsLines(one, pathsOf)];
  const content = isFilesystem(one) ? contentLines(one, one.type, pathsOf) : [];
  return [...deviceLines(one, pathsOf), ...moreLines(one, pathsOf), ...content, ...geometryLines(one, pathsOf)];
}

const filesystems = ['ext', 'xfs', 'vfat', 'f2fs', 'exfat', 'jfs', 'ntfs', 'filesystem'] as const;

function isFilesystem(one: Component): one is ComponentOf<(typeof filesystems)[number]> {
  return filesystems.some((kind) => kind === one.kind);
}

/** From the device that the kernel names, if that is one of those on which it stands here. */
function mountLines(one: ComponentOf<'mount'>, pathsOf: PathsOf, kernelName: (path: string) => string): string[] {
  const { path, fstype, root, source, category, on } = one;
  if (category === 'pseudo' || fstype === 'tmpfs' || fstype === 'rootfs') return [];
  const under = on.flatMap(pathsOf);
  const from = on.length === 0 || under.includes(kernelName(source)) ? kernelName(source) : under.join(',');
  return [`mount ${path} ${fstype} ${root} from ${from}`];
}

function deviceLines(one: Component, pathsOf: PathsOf): string[] {
  return 'device' in one && one.device !== undefined && 'sizeBytes' in one
    ? [`device ${pathsOf(one.id)[0]} ${one.sizeBytes}`]
    : [];
}

function moreLines(one: Component, pathsOf: PathsOf): string[] {
  const path = pathsOf(one.id)[0];
  if (one.kind === 'partition' && one.partUuid !== undefined)
    return [['partition', path, one.startBytes, one.sizeBytes, one.typeId, one.partUuid.toLowerCase()].join(' ')];
  if (one.kind === 'loop')
    return [
      `loop ${path} ${one.file}${one.removed === true ? ' (deleted)' : ''} ${one.offsetBytes ?? 0} ${one.limitBytes ?? 0} ${one.readOnly} ${one.sectorSize}`,
    ];
  if (one.kind === 'zram' && one.sizeBytes > 0)
    return [`zram ${path} ${one.sizeBytes} ${one.geometry?.algorithm} ${one.geometry?.memoryLimitBytes ?? 0}`];
  // A kind that no tool knows is content where it has no device of its own.
  if (one.kind === 'unknown' && one.device === undefined && one.begins === undefined)
    return contentLines(one, one.rawType, pathsOf);
  return [];
}

interface Content {
  readonly on: readonly string[];
  readonly uuid?: string;
  readonly label?: string;
}

function contentLines({ on, uuid, label }: Content, type: string, pathsOf: PathsOf): string[] {
  return on.flatMap(pathsOf).map((path) => `content ${path} ${type} ${uuid ?? '-'} ${label ?? '-'}`);
}

function swapLines({ on, file, active, sizeBytes, priority }: ComponentOf<'swap'>, pathsOf: PathsOf): string[] {
  if (!active) return [];
  const name = file ?? on.flatMap(pathsOf)[0];
  // The page with the header is not counted.
  return [`swap ${name} ${file === undefined ? 'partition' : 'file'} ${sizeBytes - 4096} ${priority}`];
}

function subvolumeLine(one: ComponentOf<'subvolume'>): string {
  const flags = [
    one.readOnly ? 'ro' : undefined,
    one.isDefault ? 'default' : undefined,
    one.nocow === true ? 'nocow' : undefined,
  ];
  return [
    `subvolume ${one.on[0]?.replace('filesystem:', '')} ${one.path}`,
    one.uuid,
    one.parentUuid ?? '-',
    ...flags.filter((flag) => flag !== undefined),
  ].join(' ');
}

function btrfsLines({ uuid, geometry, id }: ComponentOf<'btrfs'>, pathsOf: PathsOf): string[] {
  if (geometry === undefined) return [`${id} without geometry`];
  return [
    `btrfs ${uuid} of ${geometry.deviceCount}`,
    ...(geometry.devices ?? []).flatMap(({ devid, sizeBytes, on }) =>
      on === undefined ? [] : [`btrfs ${uuid} ${devid} ${sizeBytes} ${pathsOf(on)[0]}`],
    ),
    ...Object.entries(geometry.profiles ?? {}).flatMap(([kind, profiles]) =>
      profiles.map((profile) => `btrfs ${uuid} ${kind} ${profile}`),
    ),
  ];
}

function geometryLines(one: Component, pathsOf: PathsOf): string[] {
  const said = geometryOf(one);
  return said === undefined ? [] : [`geometry ${one.on.flatMap(pathsOf)[0]} ${said}`];
}

function geometryOf(one: Component): string | undefined {
  if (one.kind === 'ext' && one.geometry !== undefined) {
    const { blockCount, blockSize, inodeCount, inodeSize, reservedBlocks } = one.geometry;
    return `${blockCount}x${blockSize} ${inodeCount}x${inodeSize} ${reservedBlocks}`;
  }
  if (one.kind === 'xfs' && one.geometry !== undefined) {
    const { blockCount, blockSize, groupCount, groupSize, inodeSize, sectorSize, log, features } = one.geometry;
    return `${blockCount}x${blockSize} ${groupCount}x${groupSize} ${inodeSize} ${sectorSize} ${log.blockCount} ${Number(features.includes('reflink'))}`;
  }
  if (one.kind === 'jfs' && one.geometry !== undefined) {
    const { blockCount, blockSize, groupSize, caseInsensitive } = one.geometry;
    return `${blockCount * blockSize} ${blockSize} ${groupSize} ${caseInsensitive}`;
  }
  if (one.kind === 'ntfs' && one.geometry !== undefined) {
    const { sectorSize, clusterBytes, recordBytes, indexBytes, totalSectors } = one.geometry;
    const clusters = Math.floor((totalSectors * sectorSize) / clusterBytes);
    return `${sectorSize} ${clusterBytes} ${recordBytes} ${indexBytes} ${clusters}`;
  }
  if (one.kind === 'exfat' && one.geometry !== undefined) {
    const { tableStart, tableSectors, clustersStart, clusterCount, sectorSize, clusterBytes } = one.geometry;
    return `${tableStart} ${tableSectors} ${clustersStart} ${clusterCount} ${Math.log2(sectorSize)} ${Math.log2(clusterBytes / sectorSize)}`;
  }
  return undefined;
}
