/** Datasets of ZFS: filesystems, and volumes that are block devices. Each stands on the one that it takes its settings from. */
import { z } from 'zod';
import { present } from '../../../kernel/present.ts';
import { redactSetting } from '../../../kernel/redact-command.ts';
import { redactText } from '../../../kernel/secret.ts';
import { formatBytes } from '../../../kernel/units.ts';
import { bytes, common, harmless, type LayoutHandler, missing, text } from '../../handler.ts';
import type { Probes } from '../../probes.ts';
import type { Dataset, Setting } from '../../tools/zfs.ts';
import { isVolume, zfsOf, zfsQuestions } from './ask.ts';

const schema = z.object({
  kind: z.literal('zfs'),
  ...common,
  name: z.string(),
  type: z.string(),
  /** Path as last seen, of a volume: no identity. */
  device: text,
  /** Of a volume. */
  sizeBytes: bytes.exactOptional(),
  usedBytes: bytes.exactOptional(),
  /** Snapshot that it is a clone of. */
  origin: text,
  /** Where it is mounted if it is; `none`, `legacy`. */
  mountpoint: text,
  /** `available`, `unavailable`. */
  keyStatus: text,
  geometry: z.object({
    /** Those that were set here, and those that came along with what was received; absent where nobody could tell. */
    properties: z.record(z.string(), z.string()).exactOptional(),
    received: z.record(z.string(), z.string()).exactOptional(),
    /** What can be chosen only when it is made. */
    made: z.record(z.string(), z.string()),
    encryption: z
      .object({
        algorithm: z.string(),
        /** Dataset whose key it is. */
        root: text,
        keyFormat: text,
        /** `prompt`, or where the key lies; never the key. */
        keyLocation: text,
        iterations: z.number().exactOptional(),
      })
      .exactOptional(),
  }),
});

type Zfs = z.infer<typeof schema>;

export const zfs: LayoutHandler<Zfs> = {
  kind: 'zfs',
  schema,
  under: ['zpool', 'zfs'],
  askedBy: zfsQuestions,
  deviceId({ mapping }) {
    const [, id] = /^ZVOL-(.+)$/.exec(mapping?.uuid ?? '') ?? [];
    return id === undefined ? undefined : `zfs:${id}`;
  },
  mountId({ fstype, source }, asker) {
    if (fstype !== 'zfs') return undefined;
    const { pools, datasets } = zfsOf(asker);
    const dataset = datasets.find(({ name }) => name === source);
    return dataset === undefined ? undefined : idsOf(pools)(dataset);
  },
  async capture(probes, asker) {
    const { pools, datasets, settings } = zfsOf(asker);
    const idOf = idsOf(pools);
    const byName = new Map(datasets.map((dataset) => [dataset.name, dataset]));
    return datasets.flatMap((dataset): Zfs[] => {
      const id = idOf(dataset);
      const parent = byName.get(dataset.name.replace(/\/[^/]*$/, ''));
      const pool = pools.find(({ name }) => name === dataset.name.replace(/\/.*/s, ''));
      if (id === undefined || pool === undefined) return [];
      const above = parent === undefined || parent === dataset ? undefined : idOf(parent);
      return [component(dataset, id, above ?? `zpool:${pool.guid}`, settings, probes)];
    });
  },
  keyOf: ({ geometry }) => geometry.encryption?.keyLocation,
  title({ name, type, device, sizeBytes, usedBytes, origin, mountpoint, keyStatus, geometry }) {
    return [
      type === 'volume' ? 'ZFS volume' : 'ZFS',
      name,
      device,
      sizeBytes === undefined ? undefined : formatBytes(sizeBytes),
      usedBytes === undefined ? undefined : `${formatBytes(usedBytes)} used`,
      origin === undefined ? undefined : `clone of ${origin}`,
      mountpoint === 'none' ? 'not to be mounted' : undefined,
      geometry.encryption?.algorithm,
      keyStatus === 'unavailable' ? 'locked' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ type, mountpoint, keyStatus, geometry }, { mounted, carrying }) {
    if (mounted) return undefined;
    if (keyStatus === 'unavailable') return missing('its key is not loaded: its files cannot be read');
    if (type === 'volume')
      return carrying ? undefined : missing('nothing was seen on it: if it holds data, nothing of it is backed up');
    const isShelf = mountpoint === 'none' || geometry.properties?.['canmount'] === 'off';
    if (isShelf && carrying) return harmless('it is not to be mounted, and holds others');
    return missing('not mounted: its files cannot be read');
  },
  volatile: ['device', 'usedBytes', 'keyStatus'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

/** Of two halves of a pool that was split, datasets have the same GUIDs. */
function idsOf(pools: readonly { readonly name: string; readonly guid: string }[]) {
  const guids = new Map(pools.map(({ name, guid }) => [name, guid]));
  return ({ name, guid }: Dataset): string | undefined => {
    const pool = guids.get(name.replace(/\/.*/s, ''));
    return pool === undefined ? undefined : `zfs:${pool}/${guid}`;
  };
}

const made = ['volblocksize', 'casesensitivity', 'normalization', 'utf8only'] as const;

function component(
  dataset: Dataset,
  id: string,
  under: string,
  settings: ReadonlyMap<string, ReadonlyMap<string, Setting>> | undefined,
  probes: Probes,
): Zfs {
  const from = (source: string) =>
    [...(settings?.get(dataset.name) ?? [])].flatMap(([key, setting]) =>
      setting.source === source ? [[key, shown(key, setting.value)] as const] : [],
    );
  const received = from('received');
  const device = probes.devices.find((one) => isVolume(one) && probes.ids.get(one.number) === id);
  const { encryption } = dataset;
  return {
    kind: 'zfs',
    id,
    on: [under],
    name: dataset.name,
    type: dataset.type ?? 'unknown',
    ...present({
      device: device?.path,
      sizeBytes: numberOf(dataset.volsize),
      usedBytes: numberOf(dataset.referenced),
      origin: dataset.origin,
      mountpoint: dataset.mountpoint,
      keyStatus: dataset.keystatus,
    }),
    geometry: {
      ...(settings === undefined ? {} : { properties: Object.fromEntries(from('local')) }),
      ...(received.length === 0 ? {} : { received: Object.fromEntries(received) }),
      made: Object.fromEntries(
        made.flatMap((key) => {
          const value = dataset[key];
          return value === undefined ? [] : [[key, value] as const];
        }),
      ),
      ...(encryption === undefined || encryption === 'off' ? {} : { encryption: encryptionOf(encryption, dataset) }),
    },
  };
}

/** What somebody gave a name to may hold anything: `org.example:password`, a command line. */
function shown(key: string, value: string): string {
  const [, name] = /:([^:]*)$/.exec(key) ?? [];
  return name === undefined ? redactText(value) : redactSetting(name, value);
}

function encryptionOf(algorithm: string, dataset: Dataset) {
  return {
    algorithm,
    ...present({
      root: dataset.encryptionroot,
      keyFormat: dataset.keyformat,
      keyLocation: dataset.keylocation === undefined ? undefined : redactText(dataset.keylocation),
      iterations: numberOf(dataset.pbkdf2iters) || undefined,
    }),
  };
}

function numberOf(value: string | undefined): number | undefined {
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}
