/** Arrays of the kernel's `md`. What they are made of stands on their members, so it is known of those that do not run, too. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from '../handler.ts';
import type { Probes } from '../probes.ts';
import { containersSubject, type FoundSubarray, subarrayId, subarraysOf } from './md-container.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import {
  bitmapArgv,
  detailArgv,
  examineArgv,
  parseBitmap,
  parseDetail,
  parseExamine,
  type Subarray,
  type Superblock,
} from '../tools/mdadm.ts';

const memberSchema = z.object({
  /** Id of the device that it is. */
  on: z.string(),
  /** Absent where its superblock could not be read. */
  role: z.enum(['active', 'replacement', 'spare', 'journal']).exactOptional(),
  /** Its place; that of one which was thrown out is what it was. */
  slot: z.number().exactOptional(),
  dataOffsetBytes: bytes.exactOptional(),
  /** `write-mostly`, `failfast`. */
  flags: z.array(z.string()).exactOptional(),
});

const geometrySchema = z.object({
  /** `raid0`, `raid1`, `raid4`, `raid5`, `raid6`, `raid10`, `linear`. */
  level: z.string(),
  /** How many it needs to be whole, without spares. */
  raidDevices: z.number(),
  /** `0.90`, `1.0`, `1.1`, `1.2`; `imsm`, `ddf` in a container. */
  metadata: z.string(),
  /** `host:name`, or a name. */
  name: text,
  /** Of metadata 0.90: the number in the name of its device. */
  minor: z.number().exactOptional(),
  /** Of one in a container: which it is there. */
  member: z.number().exactOptional(),
  chunkBytes: bytes.exactOptional(),
  /** As mdadm names it: `left-symmetric`, `near=2`, `far=2`, `original`. */
  layout: text,
  /** How much of each member it uses, where that is less than the smallest has. */
  componentBytes: bytes.exactOptional(),
  /** How what was interrupted is found after a crash; absent for levels without redundancy. */
  consistency: z.enum(['resync', 'bitmap', 'journal', 'ppl']).exactOptional(),
  bitmap: z
    .object({
      /** Absent for one on the members. */
      file: text,
      chunkBytes: bytes.exactOptional(),
      /** As `--delay` and `--write-behind` take them; absent for what is usual. */
      delaySeconds: z.number().exactOptional(),
      writeBehind: z.number().exactOptional(),
    })
    .exactOptional(),
  members: z.array(memberSchema),
});

type Geometry = z.infer<typeof geometrySchema>;

const schema = z.object({
  kind: z.literal('md'),
  ...common,
  /** Path as last seen: no identity. Absent while nobody has put it together. */
  device: text,
  /** As blkid writes it; mdadm groups the same digits by eight. */
  uuid: text,
  /** Absent for one that does not run and of which no member says. */
  sizeBytes: bytes.exactOptional(),
  /** As mdadm says: `clean, degraded, recovering`; or `inactive`, `stopped`. */
  state: text,
  /** How many of `raidDevices` are not there. */
  missing: z.number().exactOptional(),
  /** Absent where no member could be read. */
  geometry: geometrySchema.exactOptional(),
});

type Md = z.infer<typeof schema>;

const memberType = 'linux_raid_member';
const isArray = ({ name, type }: BlockDevice): boolean => type !== 'part' && name.startsWith('md');

export const md: LayoutHandler<Md> = {
  kind: 'md',
  schema,
  under: [...carriers, 'md-container'],
  claims: [memberType],
  shared: true,
  askedBy: [containersSubject],
  deviceId(device, parents) {
    const inContainer = subarrayId(device);
    if (inContainer !== undefined) return inContainer;
    const uuid = parents.find((parent) => parent.fstype === memberType && parent.uuid !== undefined)?.uuid;
    return isArray(device) && uuid !== undefined ? `md:${uuid}` : undefined;
  },
  async capture(probes, asker) {
    const within = bounded(asker);
    const [arrays, others] = await Promise.all([
      Promise.all(arraysOf(probes).map((array) => capturedArray(array, probes, within))),
      subarraysOf(probes, asker),
    ]);
    return [...arrays, ...others.map(subarrayComponent)];
  },
  title({ device, uuid, sizeBytes, missing: gone, state, geometry }) {
    return [
      geometry?.level ?? 'md array',
      device,
      sizeBytes === undefined ? undefined : formatBytes(sizeBytes),
      geometry?.name === undefined ? undefined : `"${geometry.name}"`,
      uuid,
      gone === undefined ? undefined : missingWords(gone, geometry),
      ...(state?.split(', ').filter((word) => !['clean', 'active', 'degraded'].includes(word)) ?? []),
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ state, missing: gone, geometry }, { carrying }) {
    const lack = gone === undefined ? '' : `; ${missingWords(gone, geometry)} now`;
    if (!isRunning(state)) return missing(`it does not run, so nothing on it can be read${lack}`);
    if (!carrying) return missing(`nothing was seen on it: if it holds data, nothing of it is backed up${lack}`);
    if (gone === undefined) return undefined;
    return { state: 'covered', reason: `made anew with all its members${lack}`, harmless: true };
  },
  volatile: ['device', 'state', 'missing'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

const isRunning = (state: string | undefined): boolean => state !== 'stopped' && state !== 'inactive';

function missingWords(gone: number, geometry: Geometry | undefined): string {
  return `${gone} of ${geometry?.raidDevices ?? gone} members missing`;
}

interface Found {
  readonly id: string;
  readonly members: readonly BlockDevice[];
  /** What the kernel made of them. */
  readonly device?: BlockDevice;
}

/** By id: what lies on devices, and what runs. A member on which nothing was seen is told by the kernel. */
function arraysOf(probes: Probes): Found[] {
  const byNumber = new Map(probes.devices.map((device) => [device.number, device]));
  const running = new Map<string, BlockDevice>();
  const members = new Map<string, Set<BlockDevice>>();
  const add = (id: string, found: readonly BlockDevice[]): void => {
    members.set(id, (members.get(id) ?? new Set()).union(new Set(found)));
  };
  for (const device of probes.devices) {
    const content = probes.contentIds.get(device.number);
    if (content !== undefined && probes.contentKindOf(device) === 'md') add(content, [device]);
    const id = probes.ids.get(device.number);
    if (id === undefined || !isArray(device) || !probes.isClaimed(device)) continue;
    // Containers, and what is in them.
    if (device.mapping !== undefined) continue;
    running.set(id, device);
    add(
      id,
      device.parents.flatMap((number) => byNumber.get(number) ?? []),
    );
  }
  return [...members].map(([id, devices]) => ({
    id,
    members: [...devices].filter((device) => !isUnderOther(device, devices)),
    ...present({ device: running.get(id) }),
  }));
}

/** What a mapping shows unchanged looks the same below it: the paths of multipath, for one. */
function isUnderOther({ number }: BlockDevice, members: ReadonlySet<BlockDevice>): boolean {
  return [...members].some(({ parents }) => parents.includes(number));
}

async function capturedArray({ id, members, device }: Found, probes: Probes, asker: Asker): Promise<Md> {
  const [superblocks, detail] = await Promise.all([
    Promise.all(members.map(({ path }) => asker.ask({ argv: examineArgv(path), parse: parseExamine, subject: path }))),
    device === undefined
      ? undefined
      : asker.ask({ argv: detailArgv(device.path), parse: parseDetail, subject: device.path }),
  ]);
  for (const [index, { path }] of members.entries()) {
    if (superblocks[index]?.damaged !== true) continue;
    asker.gap({
      subject: path,
      problem: 'the checksum of its superblock is wrong, so that the kernel takes it for no member of an array',
      hint: `mdadm --examine ${path} tells what stands there; what is captured of it may be wrong`,
    });
  }
  const views = members.map((member, index) => ({
    member,
    on: probes.ids.get(member.number) ?? member.number,
    said: superblocks[index],
  }));
  const newest = views
    .flatMap(({ said }) => said ?? [])
    .toSorted((a, b) => b.events - a.events || Number(a.role !== 'active') - Number(b.role !== 'active'))[0];
  const size = device?.sizeBytes === 0 ? undefined : device?.sizeBytes;
  return {
    kind: 'md',
    id,
    on: views.map(({ on }) => on),
    ...present({
      device: device?.path,
      uuid: members.find(({ uuid }) => uuid !== undefined)?.uuid,
      sizeBytes: size ?? newest?.arrayBytes,
      state: device === undefined ? 'stopped' : (detail?.state ?? (size === undefined ? 'inactive' : undefined)),
      missing: newest === undefined ? undefined : missingOf(newest, superblocks) || undefined,
      geometry: newest === undefined ? undefined : await geometryOf(newest, views, detail?.bitmapFile, asker),
    }),
  };
}

function subarrayComponent(found: FoundSubarray): Md {
  const { device, exported, container, detail, members } = found;
  const missing = detail === undefined ? 0 : Math.max(0, detail.raidDevices - members.length);
  return {
    kind: 'md',
    id: subarrayId(device) ?? device.number,
    on: container === undefined ? [...members] : [container],
    device: device.path,
    uuid: exported.uuid,
    sizeBytes: device.sizeBytes,
    ...present({
      state: detail?.state,
      missing: missing || undefined,
      geometry: detail === undefined ? undefined : subarrayGeometry(detail, found),
    }),
  };
}

function subarrayGeometry(detail: Subarray, { exported, metadata, members }: FoundSubarray): Geometry {
  const { name, member, roles } = exported;
  const places = [...roles.values()].sort((a, b) => a - b);
  return {
    level: detail.level,
    raidDevices: detail.raidDevices,
    metadata: metadata ?? 'external',
    ...present({
      name,
      member,
      chunkBytes: detail.chunkBytes,
      layout: detail.layout,
      componentBytes: detail.componentBytes,
    }),
    members: members.map((on, index) => ({ on, role: 'active', ...present({ slot: places[index] }) })),
  };
}

/** Places that nobody fills. A member that could not be read may fill one. */
function missingOf(newest: Superblock, superblocks: readonly (Superblock | undefined)[]): number {
  const seen = new Set(superblocks.flatMap((said) => said?.slot ?? []));
  const empty = Array.from({ length: newest.raidDevices }, (_, slot) => slot).filter(
    (slot) => newest.filled[slot] !== true || !seen.has(slot),
  );
  const left = empty.filter((slot) => newest.filled[slot] === true).length;
  const unread = superblocks.filter((said) => said === undefined).length;
  return empty.length - Math.min(left, unread);
}

interface View {
  readonly member: BlockDevice;
  readonly on: string;
  readonly said: Superblock | undefined;
}

async function geometryOf(
  newest: Superblock,
  views: readonly View[],
  bitmapFile: string | undefined,
  asker: Asker,
): Promise<Geometry> {
  const { level, raidDevices, metadata, name, minor, chunkBytes, layout } = newest;
  const place = bitmapFile ?? views.find(({ said }) => said === newest && newest.hasBitmap)?.member.path;
  const bitmap =
    place === undefined
      ? undefined
      : await asker.ask({ argv: bitmapArgv(place), parse: parseBitmap, subject: `bitmap on ${place}` });
  return {
    level,
    raidDevices,
    metadata,
    members: views.map(({ on, said }) => ({
      on,
      ...present({
        role: said?.role,
        slot: said?.slot,
        dataOffsetBytes: said?.dataOffsetBytes,
        flags: said === undefined || said.flags.length === 0 ? undefined : [...said.flags],
      }),
    })),
    ...present({
      name,
      minor,
      chunkBytes,
      layout,
      componentBytes: componentBytes(newest, views),
      consistency: consistencyOf(newest, place !== undefined),
      bitmap: place === undefined ? undefined : { ...present({ file: bitmapFile }), ...bitmap },
    }),
  };
}

function consistencyOf({ level, log }: Superblock, hasBitmap: boolean): Geometry['consistency'] {
  if (level === 'raid0' || level === 'linear') return undefined;
  return log ?? (hasBitmap ? 'bitmap' : 'resync');
}

/** To what mdadm rounds the size of a member down, if there are no larger chunks. */
const defaultUnit = 64 * 1024;

function componentBytes({ usedBytes, chunkBytes = 0 }: Superblock, views: readonly View[]): number | undefined {
  if (usedBytes === undefined) return undefined;
  const unit = Math.max(defaultUnit, chunkBytes);
  const room = views
    .filter(({ said }) => said?.role === 'active')
    .map(({ member, said }) => said?.availableBytes ?? oldRoom(member.sizeBytes));
  const fits = Math.floor(Math.min(...room) / unit) * unit;
  return usedBytes < fits ? usedBytes : undefined;
}

/** Metadata 0.90 stands in the last whole 64 KiB. */
function oldRoom(sizeBytes: number): number {
  return Math.floor(sizeBytes / defaultUnit) * defaultUnit - defaultUnit;
}
