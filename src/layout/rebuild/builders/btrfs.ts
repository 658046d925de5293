/** Btrfs, with its subvolumes, their properties, and quotas. */
import type { Command, Word } from '../../../plan/action.ts';
import { formatBytes } from '../../../kernel/units.ts';
import type { ComponentOf } from '../../types.ts';
import { aboveOfKind, type Builder, command, device, option, type Site, workPlace } from '../builder.ts';
import { roundDown } from '../room.ts';
import { mkfsLimitMs, unread } from './mkfs.ts';

type Btrfs = ComponentOf<'btrfs'>;
type Geometry = NonNullable<Btrfs['geometry']>;
type Subvolume = ComponentOf<'subvolume'>;

export const btrfsBuilder: Builder<Btrfs> = {
  problem(component) {
    const { geometry, on } = component;
    const lacking = (geometry?.deviceCount ?? 0) - on.length;
    if (lacking > 0) return `${lacking} of its devices were not there when it was captured`;
    if (geometry?.features.includes('zoned') === true) return 'it is made for zoned disks';
    return unread(component);
  },
  mended(component) {
    const { geometry } = component;
    const mixed = Object.entries(geometry?.profiles ?? {}).filter(([, names]) => names.length > 1);
    if (geometry?.profiles === undefined || mixed.length === 0) return undefined;
    const told = mixed.map(([kind, names]) => `${kind} ${safest(names)}`).join(', ');
    return {
      component: { ...component, geometry: { ...geometry, profiles: safestOf(geometry.profiles) } },
      note: `it was on its way from one profile to another, and is made with ${told}`,
    };
  },
  // The kernel remembers devices by the UUID of their filesystem, which will be on others soon.
  release: () => [{ argv: ['btrfs', 'device', 'scan', '--forget'], okCodes: [0, 1] }],
  create(component, site) {
    const { id, label, sizeBytes, on } = component;
    const at = placeOf(component);
    const name = label === undefined ? (on[0] ?? id) : `"${label}"`;
    const subvolumes = aboveOfKind(site, id, 'subvolume');
    const inside = [
      ...resizing(component, site),
      ...subvolumeCommands(subvolumes, at),
      ...quotaCommands(component, subvolumes),
    ];
    const has = subvolumes.length === 0 ? '' : ` with ${subvolumes.length} subvolumes`;
    return [
      {
        title: `make btrfs ${name}, ${formatBytes(sizeBytes)}${has}`,
        commands: [
          { argv: ['mkfs.btrfs', ...words(component), ...devicesOf(component).map(device)], timeoutMs: mkfsLimitMs },
          ...(inside.length === 0
            ? []
            : [...mounted(component, compression(component)), ...inside, command('umount', '--', at)]),
          // udev saw it half made, and nothing tells it of the end.
          ...devicesOf(component).map(
            (id): Command => ({ argv: ['udevadm', 'trigger', '--action=change', '--settle', device(id)] }),
          ),
        ],
        // mkfs.btrfs refuses a UUID that it finds on any device, also on those that it was told.
        again: [
          unmountIfMounted(at),
          command('wipefs', '--all', '--force', '--quiet', ...on.map(device)),
          command('udevadm', 'settle'),
        ],
      },
    ];
  },
  shown: (component) => ({
    show: [unmountIfMounted(placeOf(component)), ...mounted(component, ['ro'])],
    hide: [unmountIfMounted(placeOf(component))],
  }),
  compared(component) {
    const { geometry } = component;
    if (geometry === undefined) return component;
    const { profiles, devices, quota } = geometry;
    return {
      ...component,
      on: component.on.toSorted(),
      geometry: {
        ...geometry,
        // The kernel turns on the first when it mounts one with large nodes; the other tells that its UUID was changed once.
        features: geometry.features.filter((name) => name !== 'big_metadata' && name !== 'metadata_uuid'),
        // Numbers of devices have gaps where one was taken away, and begin anew.
        ...(devices === undefined ? {} : { devices: devices.map((one, index) => ({ ...one, devid: index + 1 })) }),
        ...(profiles === undefined ? {} : { profiles: safestOf(profiles) }),
        // A subvolume's own group has its number, which is another one; its limits are told by itself.
        ...(quota === undefined ? {} : { quota: quota.filter(({ id }) => !id.startsWith('0/')) }),
      },
    };
  },
};

export const subvolumeBuilder: Builder<Subvolume> = {
  // Made with its filesystem.
  create: () => [],
  omitted: (component) => (isSnapshot(component) ? 'as what snapshots held is not in a backup' : undefined),
  mended(component) {
    const { parentUuid, ...whole } = component;
    if (isSnapshot(component)) return undefined;
    if (component.readOnly) {
      const note = 'it can be written to until its files are back; then btrfs property set makes it read-only';
      return { component: { ...whole, readOnly: false }, note };
    }
    if (parentUuid === undefined) return undefined;
    return { component: whole, note: 'it was a snapshot, and shares nothing with another any more' };
  },
  note({ id, path }, site) {
    const mount = aboveOfKind(site, id, 'mount').find(({ fstab }) => /(^|,)subvolid=/.test(fstab?.options ?? ''));
    return mount && `subvolume ${path} has another number, by which fstab mounts it at ${mount.path}`;
  },
  compared(component) {
    // The kernel gives UUIDs to subvolumes, and their other letters, which only a mount shows, come back with the files.
    const { uuid: _, receivedUuid: __, attributes: ___, nocow, ...rest } = component;
    return { ...rest, ...(nocow === true ? { nocow } : {}) };
  },
};

/** They come and go by themselves. */
const isSnapshot = ({ readOnly, parentUuid }: Subvolume): boolean => readOnly && parentUuid !== undefined;

const placeOf = ({ id, uuid = id.replaceAll(/\W/g, '-') }: Btrfs): string => workPlace(`btrfs-${uuid}`);

/** In the order of their numbers, by which mkfs.btrfs numbers them anew. */
function devicesOf({ geometry, on }: Btrfs): readonly string[] {
  const numbered = (geometry?.devices ?? []).toSorted((a, b) => a.devid - b.devid).flatMap((one) => one.on ?? []);
  return numbered.length === on.length ? numbered : on;
}

const profileRanks = ['single', 'raid0', 'dup', 'raid5', 'raid10', 'raid1', 'raid6', 'raid1c3', 'raid1c4'];

function safest(names: readonly string[]): string | undefined {
  return names.toSorted((a, b) => profileRanks.indexOf(b) - profileRanks.indexOf(a))[0];
}

/** One of each, without those of the system's chunks, which are as those of metadata. */
function safestOf(profiles: NonNullable<Geometry['profiles']>): NonNullable<Geometry['profiles']> {
  return Object.fromEntries(
    Object.entries(profiles).flatMap(([kind, names]) =>
      kind === 'system' ? [] : [[kind, [safest(names) ?? 'single']]],
    ),
  );
}

const checksums: Readonly<Record<string, string>> = { xxhash64: 'xxhash', blake2b: 'blake2' };

function words({ geometry, uuid, label }: Btrfs): string[] {
  const identity = [...option('--uuid', uuid), ...option('--label', label)];
  const plain = ['-q', '-f', '-K', ...identity];
  if (geometry === undefined) return plain;
  const { profiles = {}, features, checksum } = geometry;
  const isMixed = features.includes('mixed_groups');
  const profile = (kind: string): string | undefined => safest(profiles[isMixed ? 'data+metadata' : kind] ?? []);
  const is = (feature: string, name: string): string => (features.includes(feature) ? name : `^${name}`);
  return [
    ...plain,
    ...(isMixed ? ['--mixed'] : []),
    ...option('--nodesize', geometry.nodeSize),
    ...option('--sectorsize', geometry.sectorSize),
    ...option('--csum', checksums[checksum] ?? checksum),
    ...option('--data', profile('data')),
    ...option('--metadata', profile('metadata')),
    '-O',
    [
      is('extended_iref', 'extref'),
      is('skinny_metadata', 'skinny-metadata'),
      is('no_holes', 'no-holes'),
      ...(features.includes('block_group_tree') ? ['block-group-tree'] : []),
    ].join(','),
    // By this option every version takes it, also those to which it is a feature like the others.
    ...option('-R', is('free_space_tree', 'free-space-tree')),
  ];
}

function mounted(component: Btrfs, options: readonly string[]): Command[] {
  const at = placeOf(component);
  const [first = ''] = devicesOf(component);
  return [
    command('mkdir', '-p', '--', at),
    command('mount', '-t', 'btrfs', '-o', ['subvolid=5', ...options].join(','), device(first), at),
  ];
}

/** That a kind of compression was ever used is a feature of the filesystem. */
const compression = ({ geometry }: Btrfs): string[] =>
  ['lzo', 'zstd']
    .filter((name) => geometry?.features.includes(`compress_${name}`) === true)
    .map((name) => `compress=${name}`);

const unmountIfMounted = (at: string): Command =>
  command('sh', '-euc', 'if mountpoint --quiet "$1"; then umount -- "$1"; fi', 'sh', at);

/** Devices of which it did not use all. */
function resizing(component: Btrfs, site: Site): Command[] {
  const { geometry } = component;
  if (geometry === undefined) return [];
  const sizes = new Map(geometry.devices?.map(({ on, sizeBytes }) => [on, sizeBytes]));
  return devicesOf(component).flatMap((id, index) => {
    const under = site.get(id);
    const [size, most] = [sizes.get(id), 'sizeBytes' in under ? under.sizeBytes : undefined];
    if (size === undefined || most === undefined || size >= roundDown(most, geometry.sectorSize)) return [];
    return [command('btrfs', 'filesystem', 'resize', `${index + 1}:${size}`, placeOf(component))];
  });
}

function subvolumeCommands(subvolumes: readonly Subvolume[], at: string): Command[] {
  const inOrder = subvolumes.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const isDefault = subvolumes.find((one) => one.isDefault);
  return [
    ...inOrder.flatMap(({ path, nocow, compression: kind }): Command[] => {
      const full = `${at}/${path}`;
      const above = full.slice(0, full.lastIndexOf('/'));
      return [
        ...(above === at ? [] : [command('mkdir', '-p', '--', above)]),
        command('btrfs', 'subvolume', 'create', full),
        ...(nocow === true ? [command('chattr', '+C', full)] : []),
        ...(kind === undefined ? [] : [command('btrfs', 'property', 'set', full, 'compression', kind)]),
      ];
    }),
    ...(isDefault === undefined ? [] : [command('btrfs', 'subvolume', 'set-default', `${at}/${isDefault.path}`)]),
  ];
}

function quotaCommands(component: Btrfs, subvolumes: readonly Subvolume[]): Command[] {
  const { quota, features = [] } = component.geometry ?? {};
  if (quota === undefined) return [];
  const at = placeOf(component);
  const own = new Map(subvolumes.map(({ number, path }) => [`0/${number}`, `${at}/${path}`]));
  const simple = features.includes('simple_quota') ? ['--simple'] : [];
  const groups = quota.filter(({ id }) => !id.startsWith('0/'));
  return [
    command('btrfs', 'quota', 'enable', ...simple, at),
    ...groups.map(({ id }) => command('btrfs', 'qgroup', 'create', id, at)),
    ...quota.flatMap(({ id, maxReferenced, maxExclusive, parents }): Command[] => {
      const path = own.get(id);
      // That of a snapshot, which is not made.
      if (path === undefined && id.startsWith('0/')) return [];
      const what: Word[] = path === undefined ? [id, at] : [path];
      return [
        ...(maxReferenced === undefined ? [] : [command('btrfs', 'qgroup', 'limit', String(maxReferenced), ...what)]),
        ...(maxExclusive === undefined
          ? []
          : [command('btrfs', 'qgroup', 'limit', '-e', String(maxExclusive), ...what)]),
        ...parents.map((parent): Command => ({ argv: ['sh', '-euc', assign, 'sh', path ?? id, parent, at] })),
      ];
    }),
  ];
}

/** A subvolume's group has its number. */
const assign = `
case $1 in /*) group=0/$(btrfs inspect-internal rootid "$1") ;; *) group=$1 ;; esac
btrfs qgroup assign --no-rescan "$group" "$2" "$3"
`;
