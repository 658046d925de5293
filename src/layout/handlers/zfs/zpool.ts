/** Pools of ZFS: imported ones as they run, others as it stands on their devices. */
import { z } from 'zod';
import type { Asker } from '../../../host/asker.ts';
import { bounded } from '../../../host/bounded.ts';
import { present } from '../../../kernel/present.ts';
import { redactCommand } from '../../../kernel/redact-command.ts';
import { formatBytes } from '../../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from '../../handler.ts';
import type { Probes } from '../../probes.ts';
import { deviceOnHost } from '../../spec.ts';
import type { BlockDevice } from '../../tools/lsblk.ts';
import { type Nvlist, partsOf } from '../../tools/zfs.ts';
import {
  askZfs,
  devicesSubject,
  isVolume,
  type Line,
  memberType,
  type Pool,
  type Zfs,
  zfsOf,
  zfsQuestions,
} from './ask.ts';

const vdevSchema = z.object({
  /** `mirror`, `raidz2`, `draid1:4d:6c:1s`, `disk`, `file`, … */
  type: z.string(),
  guid: text,
  /** GUID of the one that it is a part of; absent of those at the top. */
  in: text,
  /** What it does beside the data: `log`, `cache`, `spare`, `special`, `dedup`. */
  group: text,
  /** Id of the device that it is; absent where that is not there. */
  on: text,
  /** Of a file, or of a device that is not there. */
  path: text,
});

type Vdev = z.infer<typeof vdevSchema>;

const schema = z.object({
  kind: z.literal('zpool'),
  ...common,
  name: text,
  uuid: text,
  sizeBytes: bytes.exactOptional(),
  /** `ONLINE`, `DEGRADED`, …; `not imported`. */
  state: z.string(),
  geometry: z
    .object({
      /** Each before what it is made of; absent where nobody could tell. */
      vdevs: z.array(vdevSchema).exactOptional(),
      /** Those that were set; absent while it is not imported. */
      properties: z.record(z.string(), z.string()).exactOptional(),
      /** That are enabled; absent where nobody could tell. */
      features: z.array(z.string()).exactOptional(),
    })
    .exactOptional(),
  /** As `zdb` tells; absent where there is no cache file. */
  config: z
    .object({
      /** Power of two that the smallest block of each at the top is, by GUID. */
      ashift: z.record(z.string(), z.number()),
      /** GUIDs of those that were given a whole disk, which ZFS has put partitions on. */
      wholeDisks: z.array(z.string()),
    })
    .exactOptional(),
});

type Zpool = z.infer<typeof schema>;

const notImported = 'not imported';

export const zpool: LayoutHandler<Zpool> = {
  kind: 'zpool',
  schema,
  under: [...carriers, 'zfs'],
  claims: [memberType],
  shared: true,
  askedBy: zfsQuestions,
  async look(devices, asker) {
    const { pools, datasets, volumes } = await askZfs(devices, asker);
    if (volumes.size === 0) return devices;
    const ids = new Map(pools.map(({ name, guid }) => [name, guid]));
    const names = new Map([...volumes].map(([name, device]) => [device, name]));
    return devices.map((device) => {
      const name = isVolume(device) ? names.get(device.name) : undefined;
      const dataset = datasets.find((one) => one.name === name);
      const pool = ids.get(name?.replace(/\/.*/s, '') ?? '');
      // Of a pool that could not be asked, or was imported since, it is not known whose it is.
      if (name === undefined || dataset === undefined || pool === undefined) return device;
      return { ...device, mapping: { name, uuid: `ZVOL-${pool}/${dataset.guid}` } };
    });
  },
  async capture(probes, asker) {
    const known = zfsOf(asker);
    const devices = probes.devices.filter((device) => probes.contentKindOf(device) === 'zpool');
    const members = Map.groupBy(devices, ({ number }) => probes.contentIds.get(number) ?? number);
    const within = bounded(asker);
    const imported = await Promise.all(
      known.pools.map((pool) => importedPool(pool, known, members.get(`zpool:${pool.guid}`) ?? [], probes, within)),
    );
    const ids = new Set(imported.map(({ id }) => id));
    const others = [...members].filter(([id]) => !ids.has(id));
    return [...imported, ...others.map(([id, found]) => otherPool(id, found, known, probes))];
  },
  title({ name, sizeBytes, state, geometry }) {
    return [
      'ZFS pool',
      name,
      sizeBytes === undefined ? undefined : formatBytes(sizeBytes),
      geometry?.vdevs === undefined
        ? undefined
        : geometry.vdevs
            .filter((one) => one.in === undefined)
            .map(wordOf)
            .join(' '),
      state === 'ONLINE' ? undefined : state,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ state }, { carrying }) {
    if (state === notImported) return missing('it is not imported, so nothing in it can be read');
    return carrying ? undefined : missing('its datasets could not be seen');
  },
  volatile: ['state', 'sizeBytes'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

const wordOf = ({ type, group }: Vdev): string => (group === undefined ? type : `${group}:${type}`);

async function importedPool(
  { name, guid, properties, lines }: Pool,
  { parts }: Zfs,
  members: readonly BlockDevice[],
  probes: Probes,
  asker: Asker,
): Promise<Zpool> {
  const leaves = lines.filter((line) => line.name.startsWith('/dev/'));
  const found = await Promise.all(
    leaves.map(async (line) => [line, await deviceOnHost(line.name, probes.devices, asker, devicesSubject)] as const),
  );
  const devices = new Map(found.map(([line, device]) => [line, device]));
  const ids = [...members, ...devices.values()].flatMap((device) =>
    device === undefined ? [] : [probes.ids.get(device.number) ?? device.number],
  );
  const enabled = [...properties].filter(([key, { value }]) => key.startsWith('feature@') && value !== 'disabled');
  const set = [...properties].filter(
    ([key, { source }]) => source === 'local' && key !== 'altroot' && !key.startsWith('feature@'),
  );
  const onOf = (line: Line): string | undefined => {
    const device = devices.get(line);
    return device === undefined ? undefined : (probes.ids.get(device.number) ?? device.number);
  };
  return {
    kind: 'zpool',
    id: `zpool:${guid}`,
    on: [...new Set(ids)],
    name,
    uuid: guid,
    ...present({ sizeBytes: numberOf(properties.get('size')?.value) }),
    state: properties.get('health')?.value ?? 'unknown',
    geometry: {
      ...(lines.length === 0 ? {} : { vdevs: vdevsOf(lasting(lines.slice(1)), onOf) }),
      properties: Object.fromEntries(set.map(([key, { value }]) => [key, redactCommand(value)])),
      features: enabled.map(([key]) => key.replace('feature@', '')).sort(),
    },
    ...toldOf(parts, new Set(lines.map((line) => line.guid))),
  };
}

const passing = /^(?:replacing|spare)-\d+$/;

/**
 * While a device is replaced, or a spare stands in for it, there is a part of the pool for the two of them: without it, and with the
 * device that stays, which is the new one, or the one that the spare is there for.
 */
export function lasting(lines: readonly Line[]): Line[] {
  const [line, ...rest] = lines;
  if (line === undefined) return [];
  if (!passing.test(line.name)) return [line, ...lasting(rest)];
  const end = rest.findIndex(({ depth, group }) => depth <= line.depth || group !== line.group);
  const inside = lasting(end < 0 ? rest : rest.slice(0, end));
  const stays = line.name.startsWith('replacing') ? inside.at(-1) : inside[0];
  const kept = stays === undefined ? [] : [{ ...stays, depth: line.depth }];
  return [...kept, ...(end < 0 ? [] : lasting(rest.slice(end)))];
}

/** Lines further in stand below what they are a part of. */
function vdevsOf(lines: readonly Line[], onOf: (line: Line) => string | undefined): Vdev[] {
  return lines.map((line, index) => {
    const next = lines[index + 1];
    const isLeaf = next === undefined || next.depth <= line.depth || next.group !== line.group;
    const above = lines.slice(0, index).findLast(({ depth }) => depth < line.depth);
    const on = onOf(line);
    return {
      type: isLeaf ? leafType(line.name) : line.name.replace(/-\d+$/, ''),
      ...present({
        guid: line.guid,
        in: line.depth === 1 ? undefined : above?.guid,
        group: line.depth === 1 ? line.group : undefined,
        on,
        path: isLeaf && line.name.startsWith('/') && on === undefined ? line.name : undefined,
      }),
    };
  });
}

/** What only configurations and labels tell. */
function toldOf(parts: ReadonlyMap<string, Nvlist>, guids: ReadonlySet<string>) {
  const known = [...parts].filter(([guid]) => guids.has(guid));
  if (known.length === 0) return {};
  const shifts = known.flatMap(([guid, { values }]) => {
    const ashift = numberOf(values.get('ashift'));
    return ashift === undefined ? [] : [[guid, ashift] as const];
  });
  const whole = known.flatMap(([guid, { values }]) => (values.get('whole_disk') === '1' ? [guid] : []));
  return { config: { ashift: Object.fromEntries(shifts), wholeDisks: whole } };
}

/** One that is missing has a number for a name. */
const leafType = (name: string): string => (name.startsWith('/') && !name.startsWith('/dev/') ? 'file' : 'disk');

/** Each device tells of the part at the top that it belongs to. */
function otherPool(id: string, members: readonly BlockDevice[], { labels }: Zfs, probes: Probes): Zpool {
  const tops = new Map<string, Nvlist>();
  const ids = new Map<string, string>();
  for (const { number } of members) {
    const label = labels.get(number);
    const tree = label?.inside.get('vdev_tree');
    const place = tree?.values.get('id');
    if (tree !== undefined && place !== undefined) tops.set(place, tree);
    ids.set(label?.values.get('guid') ?? '', probes.ids.get(number) ?? number);
  }
  const [first] = members;
  const trees = [...tops].sort(([a], [b]) => Number(a) - Number(b)).map(([, tree]) => tree);
  const parts = new Map(trees.flatMap((tree) => [...partsOf(tree)]));
  const vdevs = trees.flatMap((tree) => labelledVdevs(tree, undefined, ids));
  return {
    kind: 'zpool',
    id,
    on: members.map(({ number }) => probes.ids.get(number) ?? number),
    ...present({ name: first?.label, uuid: first?.uuid }),
    state: notImported,
    ...(vdevs.length === 0 ? {} : { geometry: { vdevs }, ...toldOf(parts, new Set(parts.keys())) }),
  };
}

function labelledVdevs(
  { values, inside }: Nvlist,
  above: string | undefined,
  ids: ReadonlyMap<string, string>,
): Vdev[] {
  const guid = values.get('guid');
  const type = values.get('type') ?? 'unknown';
  const on = ids.get(guid ?? '');
  const own: Vdev = {
    type: type === 'raidz' ? `raidz${values.get('nparity') ?? ''}` : type,
    ...present({
      guid,
      in: above,
      group: values.get('is_log') === '1' ? 'log' : undefined,
      on,
      path: on === undefined ? values.get('path') : undefined,
    }),
  };
  const children = [...inside].filter(([key]) => key.startsWith('children[')).map(([, child]) => child);
  return [own, ...children.flatMap((child) => labelledVdevs(child, guid, ids))];
}

function numberOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
