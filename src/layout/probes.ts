/** What the tools said of the storage of a host, already parsed and with identities assigned; each is run once. */
import type { Asker } from '../host/asker.ts';
import { askDevices, askPlaces, askTables, completed } from './ask-devices.ts';
import { askSpace } from './ask-space.ts';
import { askSubvolumes, type Subvolumes } from './ask-subvolumes.ts';
import { contentGroup, deviceIds, isInImage, parentsOf } from './identity.ts';
import type { Sessions } from './iscsi.ts';
import { typeCategory } from './mount-category.ts';
import { withPathsOnce } from './paths.ts';
import { deviceBySpec, mapperPath } from './spec.ts';
import type { Claims } from './stacked.ts';
import { withoutFalseTables } from './superfloppy.ts';
import { type CrypttabEntry, crypttabFile, parseCrypttab } from './tools/crypttab.ts';
import { findmntArgv, type MountEntry, parseFindmnt, type Space } from './tools/findmnt.ts';
import { type FstabEntry, fstabFile, parseFstab } from './tools/fstab.ts';
import type { BlockDevice } from './tools/lsblk.ts';
import { type MountInfo, mountinfoFile, parseMountinfo, reachable } from './tools/mountinfo.ts';
import type { Table } from './tools/sfdisk.ts';
import { parseSwaps, type SwapEntry, swapsFile } from './tools/swaps.ts';

export interface Probes {
  readonly devices: readonly BlockDevice[];
  readonly mounts: readonly MountEntry[];
  readonly swaps: readonly SwapEntry[];
  readonly fstab: readonly FstabEntry[];
  readonly crypttab: readonly CrypttabEntry[];
  /** Partition tables as they stand on the devices, by device number. */
  readonly tables: ReadonlyMap<string, Table>;
  /** Space by mount path, where it could be asked. */
  readonly space: ReadonlyMap<string, Space>;
  readonly busPaths: ReadonlyMap<string, string>;
  /** Of iSCSI. */
  readonly sessions: Sessions;
  /** Component ids of devices, by device number. */
  readonly ids: ReadonlyMap<string, string>;
  /** Component ids of what lies on devices (filesystem, swap, member of something), by device number. */
  readonly contentIds: ReadonlyMap<string, string>;
  /** Where a device is mounted and not hidden, by device number, in the order of the mount table. */
  readonly mountsOf: ReadonlyMap<string, readonly MountEntry[]>;
  /** Of mounted btrfs filesystems, by content id. */
  readonly subvolumes: ReadonlyMap<string, Subvolumes>;
  /** Of what kind the component is that lies on a device. */
  contentKindOf(device: BlockDevice): string | undefined;
  /** Whether it is a component of a kind that knows it, other than disks and partitions. */
  isClaimed(device: BlockDevice): boolean;
  /** The device under a mount, or `undefined`. */
  deviceOfMount(mount: MountEntry): BlockDevice | undefined;
  /** The id of what a mount shows that lies on no device of its own. */
  idOfMount(mount: MountEntry): string | undefined;
  /** The device that `UUID=…`, `/dev/disk/by-label/…` and the like mean; `undefined` when there is none, or several. */
  deviceOfSpec(spec: string): BlockDevice | undefined;
}

export async function probeLayout(asker: Asker, claims: Claims): Promise<Probes> {
  const [listed, mounts, swaps = [], fstab = [], crypttab = []] = await Promise.all([
    askDevices(asker),
    askMounts(asker),
    asker.file(swapsFile, parseSwaps, { mayBeAbsent: true }),
    askFstab(asker),
    askCrypttab(asker),
  ]);
  const [seen, { busPaths, sessions }, space] = await Promise.all([
    completed(asker, listed, claims).then((devices) => claims.look(withoutFalseTables(devices), asker)),
    askPlaces(asker, listed),
    askSpace(asker, mounts),
  ]);
  const devices = withPathsOnce(seen, new Set(mounts.map(({ number }) => number)), busPaths, asker);
  const tables = await askTables(asker, devices);
  const probes = assembleProbes(
    { devices, mounts, swaps, fstab, crypttab, tables, space, busPaths, sessions },
    claims,
    asker,
  );
  return { ...probes, subvolumes: await askAllSubvolumes(asker, probes) };
}

async function askAllSubvolumes(asker: Asker, probes: Omit<Probes, 'subvolumes'>): Promise<Map<string, Subvolumes>> {
  const mounts = new Map<string, MountEntry[]>();
  for (const { fstype, number } of probes.devices) {
    const id = probes.contentIds.get(number);
    if (fstype !== 'btrfs' || id === undefined) continue;
    mounts.set(id, [...(mounts.get(id) ?? []), ...(probes.mountsOf.get(number) ?? [])]);
  }
  const found = await Promise.all([...mounts].map(async ([id, at]) => [id, await askSubvolumes(asker, at)] as const));
  return new Map(found.filter((pair): pair is readonly [string, Subvolumes] => pair[1] !== undefined));
}

async function askMounts(asker: Asker): Promise<MountEntry[]> {
  const [mounts = [], infos] = await Promise.all([
    asker.ask({ argv: findmntArgv, parse: parseFindmnt }),
    asker.file(mountinfoFile, parseMountinfo, { mayBeAbsent: true }),
  ]);
  return infos === undefined ? hiddenByOrder(mounts) : hiddenByParents(mounts, infos);
}

/** Without the kernel's table: of several mounts at one path the last lies on top. */
function hiddenByOrder(mounts: readonly MountEntry[]): MountEntry[] {
  const top = new Map(mounts.map((mount) => [mount.target, mount]));
  return mounts.map((mount) => (top.get(mount.target) === mount ? mount : { ...mount, hidden: true }));
}

function hiddenByParents(mounts: readonly MountEntry[], infos: readonly MountInfo[]): MountEntry[] {
  const seen = reachable(infos);
  const left = new Map<string, boolean[]>();
  const keyOf = ({ target, number, root }: Pick<MountInfo, 'target' | 'number' | 'root'>) =>
    JSON.stringify([target, number, root]);
  for (const info of infos) {
    const known = left.get(keyOf(info));
    if (known === undefined) left.set(keyOf(info), [seen.has(info)]);
    else known.push(seen.has(info));
  }
  return mounts.map((mount) => {
    // What came in between the two questions is in one table only.
    const isSeen = left.get(keyOf(mount))?.shift() ?? true;
    return isSeen ? mount : { ...mount, hidden: true };
  });
}

async function askFstab(asker: Asker): Promise<FstabEntry[] | undefined> {
  const bad = (line: number): void =>
    asker.gap({ subject: fstabFile, problem: `line ${line} is no entry`, hint: 'fstab(5) tells what an entry is' });
  return await asker.file(fstabFile, (content) => parseFstab(content, bad), { mayBeAbsent: true });
}

async function askCrypttab(asker: Asker): Promise<CrypttabEntry[] | undefined> {
  const bad = (line: number): void =>
    asker.gap({
      subject: crypttabFile,
      problem: `line ${line} is no entry`,
      hint: 'crypttab(5) tells what an entry is',
    });
  return await asker.file(crypttabFile, (content) => parseCrypttab(content, bad), { mayBeAbsent: true });
}

type Answers = Pick<
  Probes,
  'devices' | 'mounts' | 'swaps' | 'fstab' | 'crypttab' | 'tables' | 'space' | 'busPaths' | 'sessions'
>;

/** Pure: what was asked, put together. A device that is mounted has a filesystem even where nobody could probe it. */
function assembleProbes(answers: Answers, claims: Claims, asker: Asker): Omit<Probes, 'subvolumes'> {
  const byNumber = new Map(answers.devices.map((device) => [device.number, device]));
  const byPath = new Map(
    answers.devices.flatMap((device) => [[`/dev/${device.name}`, device] as const, [device.path, device] as const]),
  );
  // Of a btrfs the kernel tells the name by which somebody looked at it last: its own, or the link of a volume.
  const find = ({ number, source }: MountEntry) =>
    byNumber.get(number) ?? byPath.get(source) ?? byPath.get(mapperPath(source));
  const mountsOf = new Map<string, MountEntry[]>();
  const mountedAs = new Map<string, string>();
  for (const mount of answers.mounts) {
    const device = find(mount);
    if (device === undefined || typeCategory(mount.fstype) !== 'local') continue;
    mountedAs.set(device.number, mount.fstype);
    // What lies below another mount cannot be asked by its path.
    if (mount.hidden === true) continue;
    const known = mountsOf.get(device.number);
    if (known === undefined) mountsOf.set(device.number, [mount]);
    else known.push(mount);
  }
  const devices = answers.devices.map((device) => {
    const fstype = device.fstype ?? mountedAs.get(device.number);
    return fstype === undefined ? device : { ...device, fstype };
  });
  const ids = deviceIds(devices, answers.busPaths, claims);
  const completedByNumber = new Map(devices.map((device) => [device.number, device]));
  return {
    ...answers,
    devices,
    ids,
    mountsOf,
    contentIds: contentIds(devices, ids, claims),
    contentKindOf: ({ fstype }) => {
      const group = contentGroup(fstype);
      return claims.content(fstype ?? '')?.kind ?? (group === 'member' ? 'unknown' : group);
    },
    isClaimed: (device) => claims.deviceId(device, parentsOf(device, completedByNumber)) !== undefined,
    deviceOfMount: (mount) => completedByNumber.get(find(mount)?.number ?? ''),
    idOfMount: (mount) => claims.mountId(mount, asker),
    deviceOfSpec: deviceBySpec(devices),
  };
}

/** A filesystem over several devices has one UUID and one id; a copy of one (a clone, a snapshot) gets a second id. */
function contentIds(
  devices: readonly BlockDevice[],
  ids: ReadonlyMap<string, string>,
  claims: Claims,
): Map<string, string> {
  const result = new Map<string, string>();
  const taken = new Set<string>();
  for (const device of originalsFirst(devices, ids, claims)) {
    const group = contentGroup(device.fstype);
    if (device.fstype === undefined || group === undefined) continue;
    const claimed = claims.content(device.fstype);
    const under = ids.get(device.number) ?? device.number;
    const unknown = group === 'member' && claimed === undefined;
    // Filesystems of all kinds have names alike, so that one stays the same when a kind of its own is made for it.
    const prefix = group === 'member' ? (claimed?.kind ?? `unknown:${device.fstype}`) : group;
    const place = `${prefix}:on:${under}`;
    // A UUID of members that nobody knows may be that of the whole.
    const name = unknown || device.uuid === undefined ? place : `${prefix}:${device.uuid}`;
    const id = taken.has(name) && claimed?.shared !== true ? place : name;
    taken.add(id);
    result.set(device.number, id);
  }
  return result;
}

/** Copies, and what lies in images, after what they are copies of; mappings by their ids, as the kernel's order is that in which they were made in this boot. */
function originalsFirst(
  devices: readonly BlockDevice[],
  ids: ReadonlyMap<string, string>,
  claims: Claims,
): BlockDevice[] {
  const byNumber = new Map(devices.map((device) => [device.number, device]));
  const rank = (device: BlockDevice): string => {
    if (isInImage(device, byNumber)) return '3';
    if (device.mapping === undefined) return '0';
    return `${claims.copy(device, parentsOf(device, byNumber)) ? '2' : '1'}${ids.get(device.number) ?? ''}`;
  };
  const ranks = new Map(devices.map((device) => [device, rank(device)]));
  const rankOf = (device: BlockDevice): string => ranks.get(device) ?? '0';
  return devices.toSorted((a, b) => (rankOf(a) < rankOf(b) ? -1 : rankOf(a) > rankOf(b) ? 1 : 0));
}
