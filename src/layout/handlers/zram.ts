/** A disk in compressed memory, for swap as a rule: it has settings, and what it holds is gone at every restart. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, common, harmless, type LayoutHandler, text } from '../handler.ts';

const schema = z.object({
  kind: z.literal('zram'),
  ...common,
  number: z.number(),
  device: z.string(),
  /** 0 while it is not in use. */
  sizeBytes: bytes,
  geometry: z
    .object({
      /** As `zstd`, `lzo-rle`. */
      algorithm: text,
      /** How much memory it may take at most. */
      memoryLimitBytes: bytes.exactOptional(),
      /** Path of a device to which it writes what does not compress, or is not used. */
      backingDevice: text,
    })
    .exactOptional(),
});

type Zram = z.infer<typeof schema>;

const numberOf = (name: string): number | undefined => {
  const [, digits] = /^zram(\d+)$/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
};

export const zram: LayoutHandler<Zram> = {
  kind: 'zram',
  schema,
  askedBy: ['settings of zram'],
  // The number stands in the settings of what makes it, and is all by which it is known.
  deviceId: ({ name }) => (numberOf(name) === undefined ? undefined : `zram:${numberOf(name)}`),
  async capture(probes, asker) {
    const devices = probes.devices.filter(({ name }) => numberOf(name) !== undefined);
    const settings = await askSettings(
      asker,
      devices.filter(({ sizeBytes }) => sizeBytes > 0).map(({ name }) => name),
    );
    return devices.map(({ name, number, path, sizeBytes }) => ({
      kind: 'zram',
      id: probes.ids.get(number) ?? number,
      on: [],
      number: numberOf(name) ?? 0,
      device: path,
      sizeBytes,
      ...present({ geometry: settings.get(name) }),
    }));
  },
  title: ({ device, sizeBytes, geometry }) =>
    [
      `compressed memory ${device}`,
      sizeBytes === 0 ? 'not in use' : formatBytes(sizeBytes),
      geometry?.algorithm,
      geometry?.memoryLimitBytes === undefined ? undefined : `of at most ${formatBytes(geometry.memoryLimitBytes)}`,
    ]
      .filter((part) => part !== undefined)
      .join('  '),
  coverage: () => harmless('in memory: gone at every restart'),
  volatile: ['device'],
  passing: () => true,
  risk: () => 'appearance',
};

const attributes = ['comp_algorithm', 'mm_stat', 'backing_dev'] as const;

async function askSettings(
  asker: Asker,
  names: readonly string[],
): Promise<Map<string, NonNullable<Zram['geometry']>>> {
  const [first, ...rest] = names.flatMap((name) => attributes.map((attribute) => `/sys/block/${name}/${attribute}`));
  if (first === undefined) return new Map();
  const said = await asker.ask({
    // Not every kernel has all of them.
    argv: ['grep', '-sH', '', first, ...rest],
    okCodes: [0, 1, 2],
    subject: 'settings of zram',
    parse: parseSettings,
  });
  return said ?? new Map<string, NonNullable<Zram['geometry']>>();
}

/** `grep -H` over those files. The limit itself can only be written: it is the fourth number of `mm_stat`. */
export function parseSettings(stdout: string): Map<string, NonNullable<Zram['geometry']>> {
  const found = new Map<string, NonNullable<Zram['geometry']>>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [, name, attribute, value = ''] = /^\/sys\/block\/([^/]+)\/([a-z_]+):(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`not a setting: ${JSON.stringify(line)}`);
    const limit = Number(value.trim().split(/\s+/)[3] ?? 0);
    found.set(name, {
      ...found.get(name),
      ...present({
        algorithm: attribute === 'comp_algorithm' ? /\[([^\]]+)\]/.exec(value)?.[1] : undefined,
        memoryLimitBytes: attribute === 'mm_stat' && limit > 0 ? limit : undefined,
        backingDevice: attribute === 'backing_dev' && value !== 'none' ? value : undefined,
      }),
    });
  }
  return found;
}
