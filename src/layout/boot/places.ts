/** Where a machine starts from: partitions whose type says so, and the mounts that show what is on them. */
import type { Asker } from '../../host/asker.ts';
import { isWithin, mountIds, holderOf } from '../mount-place.ts';
import { typeCategory } from '../mount-category.ts';
import { partitionNumber } from '../identity.ts';
import type { Probes } from '../probes.ts';
import type { MountEntry } from '../tools/findmnt.ts';
import type { BlockDevice } from '../tools/lsblk.ts';

export const bootRoles = ['esp', 'extended-boot', 'bios-boot', 'prep'] as const;
export type BootRole = (typeof bootRoles)[number];

const roles: Readonly<Record<string, BootRole>> = {
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'esp',
  '0xef': 'esp',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'extended-boot',
  '0xea': 'extended-boot',
  '21686148-6449-6e6f-744e-656564454649': 'bios-boot',
  '9e1a2d38-c612-4316-aa26-8b49521e5a8b': 'prep',
  '0x41': 'prep',
};

export interface BootPartition {
  readonly role: BootRole;
  readonly device: BlockDevice;
  /** Paths where it, or the RAID that it is a leg of, is mounted. */
  readonly mounts: readonly MountEntry[];
  /** The RAID between it and its filesystem. */
  readonly through?: BlockDevice;
  /** It is on a medium that somebody has put in. */
  readonly removable: boolean;
}

/** A directory tree to look at: of an EFI system partition or other `/boot`, or the directory itself. */
export interface BootRoot {
  readonly path: string;
  readonly mount?: MountEntry;
  /** It may hold EFI binaries that firmware finds. */
  readonly isEsp: boolean;
  /** Component ids of what firmware finds it by: partitions, several where it is a RAID; else the filesystem. */
  readonly on: readonly string[];
  /** Paths of those partitions. */
  readonly devices: readonly string[];
}

/** So that whoever compares two captures knows what could not be seen: paths in gaps get the devices that hold them. */
export function namingDevices(asker: Asker, { roots }: Places): Asker {
  const nameOf = (subject: string): string[] => {
    const holders = roots.filter(({ path, mount }) => mount !== undefined && isWithin(subject, path));
    const devices = holders.toSorted((a, b) => b.path.length - a.path.length)[0]?.devices ?? [];
    return devices.length === 0 ? [subject] : devices.map((device) => `${subject} on ${device}`);
  };
  return {
    gaps: asker.gaps,
    dead: asker.dead,
    giveUp: (device) => asker.giveUp(device),
    settled: () => asker.settled(),
    didNotAnswer: (argv) => asker.didNotAnswer(argv),
    ask: (question) => asker.ask(question),
    bytes: (question) => asker.bytes(question),
    file: (path, parse, options) => asker.file(path, parse, options),
    gap: (gap) => {
      for (const subject of nameOf(gap.subject)) asker.gap({ ...gap, subject });
    },
  };
}

export interface Places {
  /** The types of all partitions of disks are known. */
  readonly typed: boolean;
  readonly partitions: readonly BootPartition[];
  readonly roots: readonly BootRoot[];
  /** Ids of the mounts that hold `/boot` and the EFI system partitions. */
  readonly mountIds: readonly string[];
}

export function bootPlaces(probes: Probes): Places {
  const partitions = bootPartitions(probes);
  const ids = mountIds(probes.mounts);
  const holder = holderOf('/boot', probes.mounts);
  const roots = bootRoots(probes, partitions);
  const shownBy = new Set(partitions.flatMap(({ mounts }) => mounts));
  const shown = roots.flatMap(({ mount, isEsp }) =>
    mount !== undefined && (isEsp || shownBy.has(mount)) ? (ids[probes.mounts.indexOf(mount)] ?? []) : [],
  );
  const held = holder === undefined ? undefined : ids[holder];
  const isDisk = new Set(probes.devices.filter((one) => one.type !== 'loop').map(({ number }) => number));
  const typed = probes.devices.every(
    (device) =>
      device.type !== 'part' ||
      !device.parents.some((number) => isDisk.has(number)) ||
      partitionType(device, probes) !== undefined,
  );
  return { typed, partitions, roots, mountIds: [...new Set([...(held === undefined ? [] : [held]), ...shown])] };
}

export function partitionType(device: BlockDevice, probes: Probes): string | undefined {
  const entries = probes.tables.get(device.parents[0] ?? '')?.partitions;
  return device.partType?.toLowerCase() ?? entries?.find(({ number }) => number === partitionNumber(device))?.typeId;
}

function bootPartitions(probes: Probes): BootPartition[] {
  const byNumber = new Map(probes.devices.map((device) => [device.number, device]));
  return probes.devices.flatMap((device): BootPartition[] => {
    if (device.type !== 'part') return [];
    const role = roles[partitionType(device, probes) ?? ''];
    if (role === undefined) return [];
    const own = probes.mountsOf.get(device.number) ?? [];
    const above = probes.devices.find(
      ({ type, parents, number }) =>
        type.startsWith('raid') && parents.includes(device.number) && probes.mountsOf.has(number),
    );
    const onImage = device.parents.some((number) => byNumber.get(number)?.type === 'loop');
    if (onImage && own.length === 0) return [];
    const mounts = own.length > 0 || above === undefined ? own : (probes.mountsOf.get(above.number) ?? []);
    return [
      {
        role,
        device,
        mounts,
        ...(own.length > 0 || above === undefined ? {} : { through: above }),
        removable: device.parents.some((number) => byNumber.get(number)?.removable === true),
      },
    ];
  });
}

/** `/boot` first; of several mounts of one filesystem the one that shows most of it. */
function bootRoots(probes: Probes, partitions: readonly BootPartition[]): BootRoot[] {
  const roots = new Map<string, BootRoot>();
  const add = (mount: MountEntry, isEsp: boolean): void => {
    const device = probes.deviceOfMount(mount);
    const key = device === undefined ? mount.target : `${device.number} ${mount.root}`;
    if (roots.has(key)) return;
    const seen = device === undefined ? [] : firmwareDevices(device, probes);
    const on = seen.flatMap(({ number }) => probes.ids.get(number) ?? []);
    roots.set(key, { path: mount.target, mount, isEsp, on, devices: seen.map(({ path }) => path) });
  };
  for (const { role, mounts, removable } of partitions) {
    const [mount] = mounts.toSorted((a, b) => a.root.length - b.root.length);
    if (mount !== undefined && !removable && (role === 'esp' || role === 'extended-boot')) add(mount, role === 'esp');
  }
  const top = new Map(probes.mounts.map((mount) => [mount.target, mount]));
  for (const mount of top.values()) {
    const usual = ['/boot', '/efi', '/esp'].some((path) => isWithin(mount.target, path));
    if (usual && typeCategory(mount.fstype) === 'local') add(mount, /^(vfat|msdos)$/.test(mount.fstype));
  }
  if (![...roots.values()].some(({ path }) => path === '/boot') && !top.has('/boot')) {
    const holder = holderOf('/boot', probes.mounts);
    const mount = holder === undefined ? undefined : probes.mounts[holder];
    const device = mount === undefined ? undefined : probes.deviceOfMount(mount);
    const content = device === undefined ? undefined : probes.contentIds.get(device.number);
    roots.set('/boot', { path: '/boot', isEsp: false, on: content === undefined ? [] : [content], devices: [] });
  }
  return [...roots.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Firmware knows partitions: those under a RAID, where it is one. */
function firmwareDevices(device: BlockDevice, probes: Probes): BlockDevice[] {
  const legs = device.type.startsWith('raid') ? device.parents : [];
  return legs.length === 0 ? [device] : probes.devices.filter(({ number }) => legs.includes(number));
}
