import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { fstabLine, fstabLineSchema } from '../fstab.ts';
import { bytes, carriers, common, type LayoutHandler, text } from '../handler.ts';
import { contentGroup } from '../identity.ts';
import { holderOf, mountIds } from '../mount-place.ts';
import type { Probes } from '../probes.ts';
import { type FstabEntry, fstabFile } from '../tools/fstab.ts';
import { swapsFile } from '../tools/swaps.ts';
import type { BlockDevice } from '../tools/lsblk.ts';

const schema = z.object({
  kind: z.literal('swap'),
  ...common,
  uuid: text,
  label: text,
  sizeBytes: bytes,
  /** Path of a swap file; absent for a device. */
  file: text,
  active: z.boolean(),
  /** Of those in use the higher is used first. Negative ones the kernel chose by itself. */
  priority: z.number().exactOptional(),
  /** Its line in fstab. */
  fstab: fstabLineSchema.exactOptional(),
});

type Swap = z.infer<typeof schema>;

export const swap: LayoutHandler<Swap> = {
  kind: 'swap',
  schema,
  under: [...carriers, 'mount'],
  askedBy: [swapsFile, fstabFile],
  async capture(probes, asker) {
    return [...swapDevices(probes), ...(await swapFiles(probes, asker))];
  },
  title({ file, label, uuid, sizeBytes, active, fstab }) {
    const name = file ?? (label === undefined ? undefined : `"${label}"`);
    return [
      'swap',
      name,
      formatBytes(sizeBytes),
      uuid,
      active ? undefined : 'not in use',
      fstab === undefined ? undefined : 'in fstab',
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: () => ({ state: 'covered', reason: 'made anew on recovery: its content is no data', harmless: true }),
  // What the kernel chose by itself follows from the order of starting.
  volatile: ['priority'],
  risk: () => 'appearance',
};

const isSwapLine = ({ type, path }: FstabEntry): boolean => type === 'swap' || path === 'none';

function swapDevices(probes: Probes): Swap[] {
  const active = new Map(probes.swaps.map((entry) => [entry.path, entry]));
  // The kernel calls a mapping by its own name.
  const inUse = ({ path, name }: BlockDevice) => active.get(path) ?? active.get(`/dev/${name}`);
  const lines = new Map(
    probes.fstab.filter(isSwapLine).map((entry) => [probes.deviceOfSpec(entry.spec)?.number, fstabLine(entry)]),
  );
  return probes.devices
    .filter(({ fstype }) => contentGroup(fstype) === 'swap')
    .map((device) => ({
      kind: 'swap',
      id: probes.contentIds.get(device.number) ?? device.number,
      on: [probes.ids.get(device.number) ?? device.number],
      sizeBytes: device.sizeBytes,
      active: inUse(device) !== undefined,
      ...present({
        uuid: device.uuid,
        label: device.label,
        priority: inUse(device)?.priority,
        fstab: lines.get(device.number),
      }),
    }));
}

async function swapFiles(probes: Probes, asker: Asker): Promise<Swap[]> {
  const lines = new Map(
    probes.fstab.filter((entry) => isSwapLine(entry) && isFile(entry.spec)).map((entry) => [entry.spec, entry]),
  );
  const active = new Map(probes.swaps.filter(({ isFile }) => isFile).map((entry) => [entry.path, entry]));
  const idle = [...lines.keys()].filter((path) => !active.has(path));
  const sizes = await askSizes([...active.keys(), ...idle], asker);
  const ids = mountIds(probes.mounts);
  return [...active.keys(), ...idle].map((path) => {
    const holder = holderOf(path, probes.mounts);
    const id = holder === undefined ? undefined : ids[holder];
    const line = lines.get(path);
    return {
      kind: 'swap',
      id: `swap:file:${path}`,
      on: id === undefined ? [] : [id],
      // The kernel does not count the page with the header.
      sizeBytes: sizes.get(path) ?? active.get(path)?.sizeBytes ?? 0,
      file: path,
      active: active.has(path),
      ...present({
        priority: active.get(path)?.priority,
        fstab: line === undefined ? undefined : fstabLine(line),
      }),
    };
  });
}

function isFile(spec: string): boolean {
  return spec.startsWith('/') && !spec.startsWith('/dev/');
}

async function askSizes(paths: readonly string[], asker: Asker): Promise<Map<string, number>> {
  const within = bounded(asker);
  const sizes = new Map<string, number>();
  await Promise.all(
    paths.map(async (path) => {
      const size = await within.ask({ argv: ['stat', '-c', '%s', '--', path], parse: Number, subject: path });
      if (size !== undefined && Number.isFinite(size)) sizes.set(path, size);
    }),
  );
  return sizes;
}
