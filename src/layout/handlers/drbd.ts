/** Volumes of DRBD, which two hosts have: what lies on their disks is theirs, and can be read where the volume is primary. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { withoutContent } from '../paths.ts';
import { bytes, carriers, common, harmless, type LayoutHandler, missing, text, type Verdict } from '../handler.ts';
import type { Probes } from '../probes.ts';
import { deviceOnHost } from '../spec.ts';
import {
  dumpArgv,
  dumpEnv,
  parseDump,
  parseStatus,
  type Place,
  type Status,
  statusArgv,
  type Volume,
} from '../tools/drbd.ts';
import type { BlockDevice } from '../tools/lsblk.ts';

const placeSchema = z.object({
  host: z.string(),
  address: text,
  nodeId: z.number().exactOptional(),
  disk: text,
  metaDisk: text,
  device: text,
  minor: z.number().exactOptional(),
});

const schema = z.object({
  kind: z.literal('drbd'),
  ...common,
  /** Path as last seen: no identity. Absent while it is not up. */
  device: text,
  /** Absent where only its metadata was seen. */
  resource: text,
  volume: z.number().exactOptional(),
  sizeBytes: bytes.exactOptional(),
  /** `Primary`, `Secondary`. */
  role: text,
  /** State of the disk of this host: `UpToDate`, `Inconsistent`, … */
  disk: text,
  peers: z.array(z.object({ name: z.string(), role: text, connection: text })).exactOptional(),
  /** Absent where the configuration does not know it. */
  geometry: z
    .object({
      minor: z.number().exactOptional(),
      /** `A`, `B`, `C`. */
      protocol: text,
      /** Name of this host in it. */
      here: z.string(),
      hosts: z.array(placeSchema),
      /** Of its resource as `drbdadm` says it, without secrets. */
      config: z.string(),
    })
    .exactOptional(),
});

type Drbd = z.infer<typeof schema>;

const memberType = 'drbd';
const configuration = 'configuration of DRBD';
const isDrbd = ({ name, type }: BlockDevice): boolean => type !== 'part' && /^drbd\d+$/.test(name);
const nameOf = ({ resource, volume }: Volume): string => `${resource}/${volume}`;

/** A volume, and what of this host is under it. */
interface Local {
  readonly volume: Volume;
  readonly place: Place;
  /** Numbers of devices. */
  readonly lower?: string;
  readonly meta?: string;
}

const looked = new WeakMap<Asker, readonly Local[]>();

export const drbd: LayoutHandler<Drbd> = {
  kind: 'drbd',
  schema,
  under: carriers,
  claims: [memberType],
  askedBy: [configuration, 'state of DRBD'],
  async look(devices, asker) {
    if (!devices.some((device) => device.fstype === memberType || isDrbd(device))) return devices;
    const volumes = await asker.ask({
      argv: dumpArgv,
      env: dumpEnv,
      parse: parseDump,
      subject: configuration,
    });
    const local = await localVolumes(volumes ?? [], devices, bounded(asker));
    looked.set(asker, local);
    return devices.map((device) => {
      const lower = local.find((one) => one.lower === device.number);
      // Whatever is seen there lies on the volume, with metadata behind it or elsewhere.
      if (lower !== undefined) return { ...withoutContent(device), fstype: memberType, uuid: nameOf(lower.volume) };
      if (local.some(({ meta }) => meta === device.number)) return withoutContent(device);
      const own = isDrbd(device) ? local.find(({ place }) => `drbd${place.minor}` === device.name) : undefined;
      return own === undefined ? device : { ...device, mapping: { name: nameOf(own.volume), uuid: 'DRBD' } };
    });
  },
  deviceId(device, parents) {
    if (!isDrbd(device)) return undefined;
    const name = device.mapping?.name ?? parents.find(({ fstype }) => fstype === memberType)?.uuid;
    return name === undefined ? undefined : `drbd:${name}`;
  },
  // Of one that is secondary, which nobody may open, nothing can be seen.
  inner: (device) => isDrbd(device) && device.readOnly,
  async capture(probes, asker) {
    const local = looked.get(asker) ?? [];
    const running = new Map(
      probes.devices.filter((device) => isDrbd(device)).map((device) => [probes.ids.get(device.number), device]),
    );
    const status =
      running.size === 0
        ? undefined
        : await asker.ask({ argv: statusArgv, parse: parseStatus, subject: 'state of DRBD' });
    const known = local.map((one) => component(one, running.get(`drbd:${nameOf(one.volume)}`), status, probes));
    const ids = new Set(known.map(({ id }) => id));
    const bare = probes.devices.flatMap((device): Drbd[] => {
      const id = probes.contentIds.get(device.number) ?? '';
      if (probes.contentKindOf(device) !== 'drbd' || ids.has(id)) return [];
      const made = running.get(id);
      const on = [probes.ids.get(device.number) ?? device.number];
      return [{ kind: 'drbd', id, on, ...present({ device: made?.path, sizeBytes: made?.sizeBytes }) }];
    });
    return [...known, ...bare];
  },
  title({ device, resource, volume, sizeBytes, role, disk, geometry }) {
    return [
      resource === undefined ? 'DRBD' : `DRBD ${resource}/${volume}`,
      device,
      sizeBytes === undefined ? undefined : formatBytes(sizeBytes),
      geometry?.protocol === undefined ? undefined : `protocol ${geometry.protocol}`,
      geometry?.hosts.map(({ host }) => host).join(' '),
      role?.toLowerCase(),
      disk === 'UpToDate' ? undefined : disk,
      device === undefined ? 'not up' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage(volume, { carrying }) {
    if (carrying) return undefined;
    if (volume.device === undefined) return missing('it is not up, so nothing on it can be read');
    if (volume.role === 'Secondary') return ofSecondary(volume);
    return missing('nothing was seen on it: if it holds data, nothing of it is backed up');
  },
  volatile: ['device', 'role', 'disk', 'peers'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

function ofSecondary({ peers = [] }: Drbd): Verdict {
  const primary = peers.find(({ role }) => role === 'Primary');
  if (primary !== undefined) return harmless('this host is secondary: its data is read, and backed up, on the primary');
  return missing('this host is secondary and sees no primary: what is on it cannot be read');
}

/** Those in which this host has a part. */
async function localVolumes(
  volumes: readonly Volume[],
  devices: readonly BlockDevice[],
  asker: Asker,
): Promise<readonly Local[]> {
  const find = async (path: string | undefined): Promise<string | undefined> =>
    path?.startsWith('/') === true ? (await deviceOnHost(path, devices, asker, configuration))?.number : undefined;
  const found = volumes.map(async (volume): Promise<Local[]> => {
    const place = volume.places.find(({ host }) => host.split(' ').includes(volume.here));
    if (place === undefined) return [];
    const [lower, meta] = await Promise.all([find(place.disk), find(place.metaDisk?.split(' ')[0])]);
    return [{ volume, place, ...present({ lower, meta }) }];
  });
  return (await Promise.all(found)).flat();
}

function component(
  { volume, place, lower, meta }: Local,
  device: BlockDevice | undefined,
  status: ReadonlyMap<string, Status> | undefined,
  probes: Probes,
): Drbd {
  const now = status?.get(volume.resource);
  const under = [lower, meta].flatMap((number) => (number === undefined ? [] : [probes.ids.get(number) ?? number]));
  return {
    kind: 'drbd',
    id: `drbd:${nameOf(volume)}`,
    on: [...new Set(under)],
    resource: volume.resource,
    volume: volume.volume,
    ...present({
      device: device?.path,
      sizeBytes: device?.sizeBytes,
      role: now?.role,
      disk: now?.disks.get(volume.volume),
      peers: now === undefined ? undefined : [...now.peers],
    }),
    geometry: {
      ...present({ minor: place.minor, protocol: volume.protocol }),
      here: volume.here,
      hosts: [...volume.places],
      config: volume.config,
    },
  };
}
