/** Pools of ZFS: imported ones as they run, others as it stands on their devices. */
import { z } from 'zod';
import type { Asker } from '../../../host/asker.ts';
import { bounded } from '../../../host/bounded.ts';
import { present } from '../../../kernel/present.ts';
import { redactText } from '../../../kernel/secret.ts';
import { formatBytes } from '../../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from '../../handler.ts';
import type { Probes } from '../../probes.ts';
import { deviceOnHost } from '../../spec.ts';
import type { BlockDevice } from '../../tools/lsblk.ts';
import type { Nvlist } from '../../tools/zfs.ts';
import { askZfs, isVolume, type Line, memberType, type Pool, type Zfs, zfsOf } from './ask.ts';

const vdevSchema = z.object({
  /** `mirror`, `raidz2`, `draid1:4d:6c:1s`, `disk`, `file`, … */
  type: z.string(),
  guid: text,
  /** What it does beside the data: `log`, `cache`, `spare`, `special`, `dedup`. */
  group: text,
  /** Id of the device that it is; absent where that is not there. */
  on: text,
  /** Of a file, or of a device that is not there. */
  path: text,
  /** Of its smallest block the power of two; of those that stand at the top. */
  ashift: z.number().exactOptional(),
  /** It was given a whole disk, which ZFS has put partitions on. */
  wholeDisk: z.literal(true).exactOptional(),
  get children() {
    return z.array(vdevSchema).exactOptional();
  },
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
      vdevs: z.array(vdevSchema),
      /** Those that were set. */
      properties: z.record(z.string(), z.string()),
      /** That are enabled; absent where nobody could tell. */
      features: z.array(z.string()).exactOptional(),
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
  async look(devices, asker) {
    const { pools, datasets, volumes } = await askZfs(devices, asker);
    if (volumes.size === 0) return devices;
    const ids = new Map(pools.map(({ name, guid }) => [name, guid]));
    const names = new Map([...volumes].map(([name, device]) => [device, name]));
    return devices.map((device) => {
      const name = isVolume(device) ? names.get(device.name) : undefined;
      const dataset = datasets.find((one) => one.name === name);
      if (name === undefined || dataset === undefined) return device;
      const uuid = `ZVOL-${ids.get(name.replace(/\/.*/s, '')) ?? ''}/${dataset.guid}`;
      return { ...device, mapping: { name, uuid } };
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
      geometry === undefined ? undefined : geometry.vdevs.map(wordOf).join(' '),
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
    leaves.map(async (line) => [line, await deviceOnHost(line.name, probes.devices, asker)] as const),
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
      vdevs: treeOf(lines.slice(1), 1, parts, onOf),
      properties: Object.fromEntries(set.map(([key, { value }]) => [key, redactText(value)])),
      features: enabled.map(([key]) => key.replace('feature@', '')).sort(),
    },
  };
}

/** Lines further in stand below the one before them. */
function treeOf(
  lines: readonly Line[],
  depth: number,
  parts: ReadonlyMap<string, Nvlist>,
  onOf: (line: Line) => string | undefined,
): Vdev[] {
  return lines.flatMap((line, index): Vdev[] => {
    if (line.depth !== depth) return [];
    const rest = lines.slice(index + 1);
    const end = rest.findIndex((one) => one.depth <= depth || one.group !== line.group);
    const children = treeOf(end === -1 ? rest : rest.slice(0, end), depth + 1, parts, onOf);
    const said = parts.get(line.guid);
    const isLeaf = children.length === 0;
    return [
      {
        type: isLeaf ? leafType(line.name) : line.name.replace(/-\d+$/, ''),
        ...present({
          guid: line.guid,
          group: depth === 1 ? line.group : undefined,
          on: onOf(line),
          path: isLeaf && line.name.startsWith('/') && onOf(line) === undefined ? line.name : undefined,
          ashift: numberOf(said?.values.get('ashift')),
          wholeDisk: said?.values.get('whole_disk') === '1' ? (true as const) : undefined,
          children: isLeaf ? undefined : children,
        }),
      },
    ];
  });
}

/** One that is missing has a number for a name. */
const leafType = (name: string): string => (name.startsWith('/') && !name.startsWith('/dev/') ? 'file' : 'disk');

/** Each device tells of the part at the top that it belongs to. */
function otherPool(id: string, members: readonly BlockDevice[], { labels }: Zfs, probes: Probes): Zpool {
  const tops = new Map<string, Vdev>();
  for (const { number } of members) {
    const tree = labels.get(number)?.inside.get('vdev_tree');
    const place = tree?.values.get('id');
    if (tree !== undefined && place !== undefined) tops.set(place, vdevOf(tree, members, labels, probes));
  }
  const [first] = members;
  return {
    kind: 'zpool',
    id,
    on: members.map(({ number }) => probes.ids.get(number) ?? number),
    ...present({ name: first?.label, uuid: first?.uuid }),
    state: notImported,
    ...(tops.size === 0
      ? {}
      : {
          geometry: {
            vdevs: [...tops].sort(([a], [b]) => Number(a) - Number(b)).map(([, vdev]) => vdev),
            properties: {},
          },
        }),
  };
}

function vdevOf(
  tree: Nvlist,
  members: readonly BlockDevice[],
  labels: ReadonlyMap<string, Nvlist>,
  probes: Probes,
): Vdev {
  const { values, inside } = tree;
  const guid = values.get('guid');
  const type = values.get('type') ?? 'unknown';
  const device = members.find(({ number }) => guid !== undefined && labels.get(number)?.values.get('guid') === guid);
  const children = [...inside].filter(([key]) => key.startsWith('children[')).map(([, child]) => child);
  return {
    type: type === 'raidz' ? `raidz${values.get('nparity') ?? ''}` : type,
    ...present({
      guid,
      group: values.get('is_log') === '1' ? 'log' : undefined,
      on: device === undefined ? undefined : (probes.ids.get(device.number) ?? device.number),
      path: device === undefined ? values.get('path') : undefined,
      ashift: numberOf(values.get('ashift')),
      wholeDisk: values.get('whole_disk') === '1' ? (true as const) : undefined,
      children: children.length === 0 ? undefined : children.map((child) => vdevOf(child, members, labels, probes)),
    }),
  };
}

function numberOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
