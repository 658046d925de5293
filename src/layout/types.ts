/** The document `lifeboat.layout/1`: how the storage of a host is built, as a graph of typed components. */
import { z } from 'zod';
import { type Gap, gapSchema } from '../host/gap.ts';
import { checkDocument } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';

export const layoutFormat = 'lifeboat.layout/1';

const bytes = z.number().nonnegative();
const text = z.string().exactOptional();

/** What every component has. `id` is identity, never a device name; `on` are the ids of what it stands on. */
const common = { id: z.string().min(1), on: z.array(z.string()) };

const disk = z.object({
  kind: z.literal('disk'),
  ...common,
  /** Path as last seen: no identity. */
  device: z.string(),
  serial: text,
  wwn: text,
  model: text,
  vendor: text,
  /** `nvme`, `sata`, `sas`, `usb`, `virtio`, … */
  transport: text,
  busPath: text,
  sizeBytes: bytes,
  logicalSector: bytes.exactOptional(),
  physicalSector: bytes.exactOptional(),
  rotational: z.boolean(),
  removable: z.boolean(),
  readOnly: z.boolean(),
  /** Partition table on it, when there is one. */
  table: text,
  tableUuid: text,
});

const partition = z.object({
  kind: z.literal('partition'),
  ...common,
  device: z.string(),
  number: z.number().int().nonnegative(),
  /** `gpt` or `dos`; other tables by the name that blkid has for them. */
  table: text,
  sizeBytes: bytes,
  startBytes: bytes.exactOptional(),
  /** GPT type GUID, or MBR id as `0x83`. */
  typeId: text,
  name: text,
  partUuid: text,
  flags: text,
});

const filesystem = z.object({
  kind: z.literal('filesystem'),
  ...common,
  type: z.string(),
  uuid: text,
  label: text,
  sizeBytes: bytes,
  /** Known only while it is mounted. */
  usedBytes: bytes.exactOptional(),
});

const swap = z.object({
  kind: z.literal('swap'),
  ...common,
  uuid: text,
  label: text,
  sizeBytes: bytes,
  /** Path of a swap file; absent for a device. */
  file: text,
  active: z.boolean(),
});

export const mountCategories = ['local', 'network', 'memory', 'pseudo', 'bind', 'overlay'] as const;
export type MountCategory = (typeof mountCategories)[number];

const mount = z.object({
  kind: z.literal('mount'),
  ...common,
  path: z.string(),
  source: z.string(),
  fstype: z.string(),
  options: z.string(),
  /** Which directory of its filesystem is seen here. */
  root: z.string(),
  category: z.enum(mountCategories),
  /** Another mount at the same path lies over it. */
  hidden: z.boolean().exactOptional(),
  sizeBytes: bytes.exactOptional(),
  usedBytes: bytes.exactOptional(),
});

const unknown = z.object({
  kind: z.literal('unknown'),
  ...common,
  device: text,
  /** What the tools call it: `lvm`, `raid1`, `loop`, `crypto_LUKS`, … */
  rawType: z.string(),
  sizeBytes: bytes,
});

const componentSchema = z.discriminatedUnion('kind', [disk, partition, filesystem, swap, mount, unknown]);

/** Names a kind of component. */
export const kindSchema = z.enum(componentSchema.options.map(({ shape }) => shape.kind.value));

export type Component = z.infer<typeof componentSchema>;
export type Kind = Component['kind'];
export type ComponentOf<K extends Kind> = Extract<Component, { kind: K }>;

export const layoutSchema = z.object({
  format: z.literal(layoutFormat),
  capturedAt: z.iso.datetime(),
  components: z.array(componentSchema),
  gaps: z.array(gapSchema),
});

export type Layout = z.infer<typeof layoutSchema>;
export type { Gap };

/**
 * A layout out of parsed JSON, its graph checked.
 *
 * @throws LifeboatError `newer-format`, `record-damaged`
 */
export function parseLayout(value: unknown): Layout {
  const layout = checkDocument(value, layoutSchema, layoutFormat, 'the layout');
  const ids = new Set<string>();
  for (const { id } of layout.components) {
    if (ids.has(id)) throw damaged(`two components have the id ${JSON.stringify(id)}`);
    ids.add(id);
  }
  for (const { id, on } of layout.components) {
    const missing = on.find((other) => !ids.has(other));
    if (missing !== undefined)
      throw damaged(`${JSON.stringify(id)} stands on ${JSON.stringify(missing)}, which is not there`);
  }
  return layout;
}

function damaged(problem: string): LifeboatError {
  return new LifeboatError('record-damaged', `the layout does not fit together: ${problem}`);
}
