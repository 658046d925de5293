/** btrfs: one filesystem on one device or several. Its subvolumes are components of their own. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { present } from '../../kernel/present.ts';
import type { Subvolumes } from '../ask-subvolumes.ts';
import { type FilesystemPlace, filesystemKind, type Inspected } from '../filesystem.ts';
import type { Probes } from '../probes.ts';
import {
  type BtrfsDevice,
  type BtrfsProfiles,
  chunkTreeArgv,
  parseChunkDevices,
  parseChunkTree,
  parseProfiles,
  parseShow,
  parseSuper,
  profilesArgv,
  showArgv,
  superArgv,
} from '../tools/btrfs.ts';

const geometry = z.object({
  nodeSize: z.number(),
  sectorSize: z.number(),
  checksum: z.string(),
  /** As the kernel names them, sorted. */
  features: z.array(z.string()),
  /** How many devices belong to it. */
  deviceCount: z.number(),
  devices: z
    .array(
      z.object({
        /** Its number in the filesystem. */
        devid: z.number(),
        /** What of it the filesystem uses. */
        sizeBytes: z.number(),
        /** Id of the component that it is; absent for one that is missing. */
        on: z.string().exactOptional(),
      }),
    )
    .exactOptional(),
  /** `single`, `dup`, `raid1`, …, for `data`, `metadata` and `system`; two while it is converted. */
  profiles: z.record(z.string(), z.array(z.string())).exactOptional(),
  /** Groups that have a limit or a place in others; absent when quotas are off. A subvolume's own is `0/number`. */
  quota: z
    .array(
      z.object({
        id: z.string(),
        maxReferenced: z.number().exactOptional(),
        maxExclusive: z.number().exactOptional(),
        parents: z.array(z.string()),
      }),
    )
    .exactOptional(),
});

type Geometry = z.infer<typeof geometry>;

export const btrfs = filesystemKind({
  kind: 'btrfs',
  claims: ['btrfs'],
  shared: true,
  geometry,
  inspect,
  words: ({ deviceCount, devices, profiles }) => [
    ...Object.entries(profiles ?? {})
      .filter(([kind]) => kind !== 'system')
      .map(([kind, names]) => `${kind} ${names.join(' and ')}`),
    ...(devices !== undefined && seen(devices) < deviceCount
      ? [`${deviceCount - seen(devices)} of ${deviceCount} devices missing`]
      : []),
  ],
});

const seen = (devices: NonNullable<Geometry['devices']>): number => devices.filter(({ on }) => on !== undefined).length;

async function inspect(
  { id, devices, mounts }: FilesystemPlace,
  asker: Asker,
  probes: Probes,
): Promise<Inspected<Geometry> | undefined> {
  const [device] = devices;
  if (device === undefined) return undefined;
  const subject = device.path;
  const [head, shown, profiles] = await Promise.all([
    asker.ask({ argv: superArgv(device.path), parse: parseSuper, subject }),
    asker.ask({ wide: true, argv: showArgv(device.path), parse: parseShow, subject }),
    askProfiles(asker, device.path, mounts[0]?.target),
  ]);
  if (head === undefined) return undefined;
  if (mounts.length === 0) {
    asker.gap({
      subject,
      problem: `the subvolumes of ${id} can be seen only while it is mounted`,
      hint: 'mount it before the capture, if they shall be in it',
    });
  }
  return {
    sizeBytes: head.totalBytes,
    usedBytes: head.usedBytes,
    geometry: {
      nodeSize: head.nodeSize,
      sectorSize: head.sectorSize,
      checksum: head.checksum,
      features: [...head.features],
      deviceCount: head.deviceCount,
      ...present({
        devices:
          shown === undefined ? undefined : await allDevices(shown, head.deviceCount, device.path, asker, probes),
        profiles: profiles === undefined ? undefined : copied(profiles),
        quota: quotaOf(probes.subvolumes.get(id)),
      }),
    },
  };
}

/** Those that are there, and those that are not, of which only the others tell. */
async function allDevices(
  shown: readonly BtrfsDevice[],
  count: number,
  device: string,
  asker: Asker,
  probes: Probes,
): Promise<NonNullable<Geometry['devices']>> {
  const there = shown.filter(({ path }) => path !== undefined);
  const all =
    there.length === count
      ? there
      : await asker.ask({ argv: chunkTreeArgv(device), parse: parseChunkDevices, subject: device });
  const known = new Map(there.map((one) => [one.devid, one.path]));
  return (all ?? there).map(({ devid, sizeBytes }) => {
    const path = known.get(devid);
    const found = path === undefined ? undefined : probes.deviceOfSpec(path);
    return {
      devid,
      sizeBytes,
      ...present({ on: found === undefined ? path : (probes.ids.get(found.number) ?? found.number) }),
    };
  });
}

async function askProfiles(asker: Asker, device: string, path: string | undefined): Promise<BtrfsProfiles | undefined> {
  return path === undefined
    ? await asker.ask({ argv: chunkTreeArgv(device), parse: parseChunkTree, subject: device })
    : await asker.ask({ argv: profilesArgv(path), parse: parseProfiles, subject: path });
}

function copied(profiles: BtrfsProfiles): Record<string, string[]> {
  return Object.fromEntries(Object.entries(profiles).map(([kind, names]) => [kind, [...names]]));
}

function quotaOf(subvolumes: Subvolumes | undefined): Geometry['quota'] {
  return subvolumes?.quota
    ?.filter(
      ({ id, parents, maxReferenced, maxExclusive }) =>
        !id.startsWith('0/') || parents.length > 0 || maxReferenced !== undefined || maxExclusive !== undefined,
    )
    .map(({ id, parents, maxReferenced, maxExclusive }) => ({
      id,
      parents: [...parents],
      ...present({ maxReferenced, maxExclusive }),
    }));
}
