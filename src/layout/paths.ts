/** One disk that is reached over several paths, and that nothing has joined: what lies on it must not be told, or written, twice. */
import type { Asker } from '../host/asker.ts';
import { deviceKind } from './identity.ts';
import type { BlockDevice } from './tools/lsblk.ts';

/**
 * The devices, of which each that is another path to the same disk has no content and names the one that stands for it: the one that is in
 * use, else the first by where it is plugged in. A gap tells of it.
 */
export function withPathsOnce(
  devices: readonly BlockDevice[],
  mounted: ReadonlySet<string>,
  busPaths: ReadonlyMap<string, string>,
  asker: Asker,
): readonly BlockDevice[] {
  const children = childrenOf(devices);
  const isUsed = (device: BlockDevice): boolean =>
    mounted.has(device.number) || children(device).some((child) => child.type !== 'part' || isUsed(child));
  // What is left out, by number, and what stands for it.
  const gone = new Map<string, string>();
  const same = new Map<string, string>();
  for (const paths of Map.groupBy(devices, sameDisk).values()) {
    if (paths.length < 2 || sameDisk(paths[0]) === undefined) continue;
    const order = paths.toSorted(
      (a, b) =>
        Number(isUsed(b)) - Number(isUsed(a)) ||
        ((busPaths.get(a.number) ?? '') < (busPaths.get(b.number) ?? '') ? -1 : 1),
    );
    const [first, ...others] = order;
    if (first === undefined) continue;
    const own = new Map(children(first).map((child) => [partOf(child), child.number]));
    for (const other of others) {
      same.set(other.number, first.number);
      for (const child of children(other)) {
        if (child.type === 'part') gone.set(child.number, own.get(partOf(child)) ?? first.number);
      }
    }
    asker.gap({
      subject: first.path,
      problem: `${others.map(({ path }) => path).join(', ')} ${others.length === 1 ? 'is another path' : 'are other paths'} to the same disk, and nothing joins them: what is on it was seen on ${first.path} only`,
      hint: 'what writes to several of them destroys data: start multipathd, and see multipath -ll',
    });
  }
  return devices
    .filter(({ number }) => !gone.has(number))
    .map((device) => {
      const sameAs = same.get(device.number);
      const seen = { ...device, parents: device.parents.map((parent) => gone.get(parent) ?? parent) };
      return sameAs === undefined ? seen : { ...withoutContent(seen), sameAs };
    });
}

/** Which partition of its disk it is. */
function partOf({ type, startBytes, name }: BlockDevice): string | undefined {
  return type === 'part' ? `${startBytes ?? /\d+$/.exec(name)?.[0]}` : undefined;
}

/** Two numbers that agree: serial numbers alone are the same on many a cheap disk. */
function sameDisk(device: BlockDevice | undefined): string | undefined {
  if (device === undefined || deviceKind(device) !== 'disk' || device.inner === true) return undefined;
  const { wwn, serial, sizeBytes } = device;
  return wwn === undefined || serial === undefined || sizeBytes === 0
    ? undefined
    : JSON.stringify([wwn, serial, sizeBytes]);
}

/** The devices that the kernel made of a device. */
export function childrenOf(devices: readonly BlockDevice[]): (device: BlockDevice) => BlockDevice[] {
  const found = new Map<string, BlockDevice[]>();
  for (const device of devices) {
    for (const parent of device.parents) found.set(parent, [...(found.get(parent) ?? []), device]);
  }
  return ({ number }) => found.get(number) ?? [];
}

export function withoutContent({
  fstype: _type,
  uuid: _uuid,
  label: _label,
  table: _table,
  tableUuid: _tableUuid,
  ...device
}: BlockDevice): BlockDevice {
  return device;
}
