/** Logical volumes of LVM, with all that they are made of; thin ones stand on their pool. */
import { z } from 'zod';
import { present } from '../../../kernel/present.ts';
import { formatBytes } from '../../../kernel/units.ts';
import { bytes, common, harmless, type LayoutHandler, missing, text } from '../../handler.ts';
import { parentsOf } from '../../identity.ts';
import type { Probes } from '../../probes.ts';
import type { BlockDevice } from '../../tools/lsblk.ts';
import { isInner, type Row, volumeOf } from '../../tools/lvm.ts';
import { askLvm, type Lvm } from './ask.ts';
import { isBracketed, nameOf, partsOf, segmentOf, segmentSchema } from './segments.ts';
import { mappingsSubject } from '../../stacked.ts';

const settings = {
  name: z.string(),
  sizeBytes: bytes,
  tags: z.array(z.string()).exactOptional(),
  segments: z.array(segmentSchema),
  /** Absent for that of the group. */
  allocation: text,
  raid: z
    .object({
      writeBehind: z.number().exactOptional(),
      minRecoveryKiB: z.number().exactOptional(),
      maxRecoveryKiB: z.number().exactOptional(),
      integrity: text,
      integrityBlockBytes: bytes.exactOptional(),
    })
    .exactOptional(),
  /** Of an image of a RAID 1: it is read only where there is no other. */
  writeMostly: z.literal(true).exactOptional(),
};

const partSchema = z.object(settings);

const schema = z.object({
  kind: z.literal('lv'),
  ...common,
  /** Path as last seen: no identity. Absent for one that is not active. */
  device: text,
  uuid: z.string(),
  ...settings,
  /** As LVM calls it, from the general to the special: `raid`, `raid5`, `raid5_ls`. Absent where no report could be had. */
  layout: z.array(z.string()).exactOptional(),
  /** Volume that it is a snapshot of. */
  origin: text,
  /** Pool that it takes its room from, or cache that lies before it. */
  pool: text,
  /** What it is made of and nobody uses by itself, such as images and metadata. */
  parts: z.array(partSchema).exactOptional(),
  metadataBytes: bytes.exactOptional(),
  /** What a thin pool does when it is full. */
  whenFull: text,
  readOnly: z.literal(true).exactOptional(),
  /** It becomes active only when that is asked for by name. */
  skipActivation: z.literal(true).exactOptional(),
  noAutoActivation: z.literal(true).exactOptional(),
  allocationLocked: z.literal(true).exactOptional(),
  /** Numbers that its device always has. */
  major: z.number().exactOptional(),
  minor: z.number().exactOptional(),
  /** 0 for none; absent for what the kernel chooses. */
  readAheadBytes: bytes.exactOptional(),
  profile: text,
});

type Lv = z.infer<typeof schema>;

export const lv: LayoutHandler<Lv> = {
  kind: 'lv',
  schema,
  under: ['vg', 'lv', 'pv'],
  askedBy: [mappingsSubject, 'pvs', 'lvs', 'lvm'],
  deviceId({ mapping }) {
    const volume = volumeOf(mapping?.uuid ?? '');
    return volume === undefined ? undefined : `lv:${volume.uuid}`;
  },
  inner: ({ mapping }) => mapping !== undefined && isInner(mapping),
  copy: (_, parents) => parents.some(({ mapping }) => volumeOf(mapping?.uuid ?? '')?.layer === 'cow'),
  async capture(probes, asker) {
    const lvm = await askLvm(probes, asker);
    const devices = activeVolumes(probes);
    const known = volumesOf(lvm, devices);
    const ids = new Set(known.map(({ id }) => id));
    const others = [...devices].filter(([id]) => !ids.has(id));
    return [...known, ...others.map(([id, device]) => bareVolume(id, device, probes))];
  },
  title({ name, device, sizeBytes, origin, segments, readOnly, tags }) {
    // Of a pool of VDO the kernel shows only what is in it.
    const isShown = segments[0]?.type !== 'vdo-pool';
    const pieces = segments.length > 1 ? ` in ${segments.length} pieces` : '';
    return [
      `logical volume ${name}`,
      device,
      formatBytes(sizeBytes),
      segments[0] === undefined ? undefined : `${segments[0].type}${pieces}`,
      origin === undefined ? undefined : `snapshot of ${origin}`,
      tags?.join(' '),
      readOnly === true ? 'read-only' : undefined,
      device === undefined && isShown ? 'not active' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ layout, device, origin }, { carrying }) {
    if (carrying) return undefined;
    if (layout?.includes('pool') === true) return harmless('a pool that nothing stands on');
    const what = origin === undefined ? '' : `a snapshot of ${origin}: `;
    return device === undefined
      ? missing(`${what}it is not active, so what is on it cannot be seen`)
      : missing(`${what}nothing was seen on it: if it holds data, nothing of it is backed up`);
  },
  volatile: ['device'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

/** Devices of volumes themselves, by id. */
function activeVolumes(probes: Probes): Map<string, BlockDevice> {
  const found = new Map<string, BlockDevice>();
  for (const device of probes.devices) {
    const volume = volumeOf(device.mapping?.uuid ?? '');
    // A thin pool is shown by a layer of its own.
    const whole = volume?.layer === 'pool' || (device.mapping !== undefined && !isInner(device.mapping));
    if (volume !== undefined && whole) found.set(`lv:${volume.uuid}`, device);
  }
  return found;
}

function volumesOf(lvm: Lvm, devices: ReadonlyMap<string, BlockDevice>): Lv[] {
  return [...Map.groupBy(lvm.segments, (row) => row.text('vg_uuid') ?? '')].flatMap(([group, rows]) => {
    const byName = Map.groupBy(rows, (row) => nameOf(row));
    const context = { group, byName, placeOf: placesIn(group, lvm), flags: lvm.flags };
    return [...byName.values()]
      .filter(([row]) => row !== undefined && !isBracketed(row))
      .map((own) => volumeComponent(own, context, devices));
  });
}

interface Context {
  readonly group: string;
  readonly byName: ReadonlyMap<string, readonly Row[]>;
  readonly placeOf: (device: string) => string;
  readonly flags: Lvm['flags'];
}

/** The id of the physical volume on a device, as the reports name it. */
function placesIn(group: string, { physical }: Lvm): (device: string) => string {
  const names = new Map<string, string[]>();
  for (const { id, row } of physical) {
    const name = row?.text('vg_uuid') === group ? row.text('pv_name') : undefined;
    if (name !== undefined) names.set(name, [...(names.get(name) ?? []), id]);
  }
  return (device) => {
    const ids = names.get(device) ?? [];
    // Of several that are missing the reports do not tell which; the text of the group does.
    return ids.length === 1 ? (ids[0] ?? device) : device;
  };
}

const when = (is: boolean): true | undefined => (is ? true : undefined);

function volumeComponent(rows: readonly Row[], context: Context, devices: ReadonlyMap<string, BlockDevice>): Lv {
  const [row] = rows;
  if (row === undefined) throw new Error('a volume without segments');
  const uuid = row.needed('lv_uuid');
  const id = `lv:${uuid}`;
  const pool = context.byName.get(nameOf(row, 'pool_lv'))?.[0];
  const isThin = row.text('segtype') === 'thin' || row.text('segtype') === 'vdo';
  const under = isThin && pool !== undefined ? `lv:${pool.needed('lv_uuid')}` : `vg:${context.group}`;
  const parts = partsOf(nameOf(row), context.byName).map((name) => settingsOf(context.byName.get(name) ?? [], context));
  const readAhead = row.text('lv_read_ahead');
  const column = (name: string): string | undefined => row.text(name);
  return {
    kind: 'lv',
    id,
    on: [under],
    uuid,
    ...settingsOf(rows, context),
    ...present({
      device: devices.get(id)?.path,
      layout: row.list('lv_layout'),
      origin: isBracketed(row, 'origin') ? undefined : column('origin'),
      pool: row.text('pool_lv') === undefined ? undefined : nameOf(row, 'pool_lv'),
      parts: parts.length === 0 ? undefined : parts,
      metadataBytes: row.number('lv_metadata_size'),
      whenFull: column('lv_when_full'),
      // The second letter; "R" is one that only now is read-only.
      readOnly: when(column('lv_attr')?.[1] === 'r'),
      skipActivation: when(row.flag('lv_skip_activation')),
      noAutoActivation: when(context.flags.get(uuid)?.includes('NOAUTOACTIVATE') === true),
      allocationLocked: when(row.flag('lv_allocation_locked')),
      major: row.number('lv_major'),
      minor: row.number('lv_minor'),
      readAheadBytes: readAhead === 'none' ? 0 : row.number('lv_read_ahead'),
      profile: column('lv_profile'),
    }),
  };
}

/** What a volume and what it is made of have both. */
function settingsOf(rows: readonly Row[], { placeOf, flags }: Context): z.infer<typeof partSchema> {
  const [row] = rows;
  if (row === undefined) throw new Error('a volume without segments');
  const tags = row.list('lv_tags').sort();
  const allocation = row.text('lv_allocation_policy');
  const raid = present({
    writeBehind: row.number('raid_write_behind'),
    minRecoveryKiB: row.number('raid_min_recovery_rate'),
    maxRecoveryKiB: row.number('raid_max_recovery_rate'),
    integrity: row.text('raidintegritymode'),
    integrityBlockBytes: row.positive('raidintegrityblocksize'),
  });
  return {
    name: nameOf(row),
    sizeBytes: row.number('lv_size') ?? 0,
    segments: rows.map((one) => segmentOf(one, placeOf)).sort((a, b) => a.start - b.start),
    ...present({
      tags: tags.length === 0 ? undefined : tags,
      allocation: allocation === 'inherit' ? undefined : allocation,
      raid: Object.keys(raid).length === 0 ? undefined : raid,
      writeMostly: when(flags.get(row.needed('lv_uuid'))?.includes('WRITEMOSTLY') === true),
    }),
  };
}

/** One that no report tells of, by its device. */
function bareVolume(id: string, device: BlockDevice, probes: Probes): Lv {
  return {
    kind: 'lv',
    id,
    on: [...new Set(physicalUnder(device, probes))],
    device: device.path,
    uuid: id.replace('lv:', ''),
    name: device.mapping?.name ?? device.name,
    sizeBytes: device.sizeBytes,
    segments: [],
  };
}

function physicalUnder(device: BlockDevice, probes: Probes): string[] {
  const byNumber = new Map(probes.devices.map((one) => [one.number, one]));
  return parentsOf(device, byNumber).flatMap((parent) => {
    const id = probes.contentKindOf(parent) === 'pv' ? probes.contentIds.get(parent.number) : undefined;
    return id === undefined ? physicalUnder(parent, probes) : [id];
  });
}
