/** Which kind a device is, and the names by which components are known again after a reboot or a change of cables. */
import type { Claims } from './stacked.ts';
import type { BlockDevice } from './tools/lsblk.ts';

export type DeviceKind = 'disk' | 'partition' | 'unknown';
export type ContentGroup = 'filesystem' | 'swap' | 'member';

/** Block devices that lsblk calls disks but that are no disk of this machine. */
const notDisks = /^(zram|ram|nbd|rbd|drbd|md|dm-|bcache|loop|zd|nullb|ublkb)\d/;

export function deviceKind(device: BlockDevice): DeviceKind {
  if (device.type === 'part') return 'partition';
  return (device.type === 'disk' || device.type === 'rom') && !notDisks.test(device.name) ? 'disk' : 'unknown';
}

/** What blkid names and no mount takes: parts of something, and what only programs of their own read. */
const members =
  /_member$|^crypto_|^drbd$|^bcache(_cache)?$|^bitlocker$|^dm_|^vdo$|^(stratis|ubi|oracleasm|jbd|xfs_external_log|drbd.+|cs_fvault2)$/i;

/** What lies on a device, from the type that blkid gives it. */
export function contentGroup(fstype: string | undefined): ContentGroup | undefined {
  if (fstype === undefined) return undefined;
  // What sleeps on it is of the kernel that went to sleep.
  if (fstype === 'swap' || fstype === 'swsuspend') return 'swap';
  return members.test(fstype) ? 'member' : 'filesystem';
}

/** Where a disk is plugged in, from its sysfs path: without the numbers that depend on the order of probing. */
export function busPathOf(sysfsPath: string): string | undefined {
  const [, path] = /^\/sys\/devices\/(.*)\/block\/[^/]+$/.exec(sysfsPath) ?? [];
  return path
    ?.split('/')
    .filter(
      (part) =>
        !/^(virtio|host|ata|target|rport|session|nvme)[-\d:]*$/.test(part) && part !== 'nvme' && part !== 'scsi',
    )
    .map((part) => part.replace(/^\d+(:\d+:\d+:\d+)$/, 'x$1'))
    .join('/');
}

/** Ids for all devices, by device number: unique, and the same for the same devices in any order. */
export function deviceIds(
  devices: readonly BlockDevice[],
  busPaths: ReadonlyMap<string, string>,
  claims: Pick<Claims, 'deviceId'>,
): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  const taken = new Set<string>();
  const byNumber = new Map(devices.map((device) => [device.number, device]));
  const bare = new Map<string, number>();
  for (const device of devices) {
    const name = bareDiskId(device, busPaths);
    bare.set(name, (bare.get(name) ?? 0) + 1);
  }
  const assign = (device: BlockDevice): string => {
    const known = ids.get(device.number);
    if (known !== undefined) return known;
    const claimed = claims.deviceId(device, parentsOf(device, byNumber));
    if (claimed !== undefined) {
      ids.set(device.number, claimed);
      return claimed;
    }
    const parents = device.parents.map((number) => {
      const parent = byNumber.get(number);
      return parent === undefined ? number : assign(parent);
    });
    const wanted = candidates(device, parents, busPaths, bare);
    const id = wanted.find((name) => !taken.has(name)) ?? `${wanted.at(-1)}#${device.number}`;
    taken.add(id);
    ids.set(device.number, id);
    return id;
  };
  // What lies in an image may be a copy of a disk, and has the names that are left.
  for (const device of devices) if (!isInImage(device, byNumber)) assign(device);
  for (const device of devices) assign(device);
  return ids;
}

/** Whether it is a loop device, or stands on one. */
export function isInImage(device: BlockDevice, byNumber: ReadonlyMap<string, BlockDevice>): boolean {
  return device.type === 'loop' || parentsOf(device, byNumber).some((parent) => isInImage(parent, byNumber));
}

export function parentsOf(device: BlockDevice, byNumber: ReadonlyMap<string, BlockDevice>): BlockDevice[] {
  return device.parents.flatMap((number) => byNumber.get(number) ?? []);
}

/** Names from the best to the last resort. */
function candidates(
  device: BlockDevice,
  parents: readonly string[],
  busPaths: ReadonlyMap<string, string>,
  bare: ReadonlyMap<string, number>,
): string[] {
  const kind = deviceKind(device);
  if (kind === 'disk') {
    const id = bareDiskId(device, busPaths);
    const place = `${id}@${busPaths.get(device.number) ?? device.name}`;
    // Two paths to one disk, or two bridges with the same serial: neither may have the bare name, whatever the order.
    return (bare.get(id) ?? 0) > 1 || device.inner === true ? [place] : [id, place];
  }
  if (kind === 'partition') {
    const place = `partition:${parents[0] ?? device.name}:${partitionNumber(device)}`;
    return device.partUuid === undefined ? [place] : [`partition:${device.partUuid}`, place];
  }
  return [`unknown:${device.type}:${device.path}`];
}

function bareDiskId(device: BlockDevice, busPaths: ReadonlyMap<string, string>): string {
  if (deviceKind(device) !== 'disk') return `-${device.number}`;
  if (device.serial !== undefined) return `disk:${device.serial}`;
  if (device.wwn !== undefined) return `disk:${device.wwn}`;
  const place = busPaths.get(device.number) ?? 'unknown-place';
  return `disk:${place}:${device.model ?? 'unnamed'}:${device.sizeBytes}`;
}

/** From the tool, else from what kpartx calls it, or the kernel: `part3-mpath-…`, `sda3`, `nvme0n1p3`. */
export function partitionNumber(device: BlockDevice): number {
  const [, mapped] = /^part(\d+)-/.exec(device.mapping?.uuid ?? '') ?? [];
  return device.partitionNumber ?? Number(mapped ?? /(\d+)$/.exec(device.name)?.[1] ?? 0);
}
