/** LVM: each volume by lvcreate(8), whatever its type; then the UUIDs are put back as they were. */
import type { Command, Word } from '../../../plan/action.ts';
import { formatBytes } from '../../../kernel/units.ts';
import type { ComponentOf } from '../../types.ts';
import { aboveOfKind, type Builder, type Deed, device, only, option, type Site } from '../builder.ts';

type Pv = ComponentOf<'pv'>;
type Vg = ComponentOf<'vg'>;
type Lv = ComponentOf<'lv'>;

const tags = (names: readonly string[] | undefined): string[] => (names ?? []).flatMap((tag) => ['--addtag', tag]);

export const pvBuilder: Builder<Pv> = {
  problem: ({ missing }) => (missing === true ? 'it was not there when it was captured' : undefined),
  // LVM chooses which copies of its metadata it uses.
  compared(volume) {
    if (volume.metadata === undefined) return volume;
    const { ignored: _, ...metadata } = volume.metadata;
    return { ...volume, metadata };
  },
  create(component) {
    const { uuid, startBytes, metadata, bootloaderArea } = component;
    // What is put between the metadata and the extents begins where they would.
    const alignment = bootloaderArea?.startBytes ?? startBytes;
    const at = device(only(component));
    return [
      {
        title: 'make a physical volume',
        commands: [
          {
            argv: [
              'pvcreate',
              '--yes',
              '--force',
              '--force',
              ...(uuid === undefined ? [] : ['--uuid', uuid, '--norestorefile']),
              ...(alignment === undefined ? [] : ['--dataalignment', `${alignment}b`]),
              ...(metadata === undefined || metadata.copies === 0 ? [] : ['--metadatasize', `${metadata.sizeBytes}b`]),
              ...(metadata === undefined ? [] : ['--pvmetadatacopies', String(metadata.copies)]),
              ...(bootloaderArea === undefined ? [] : ['--bootloaderareasize', `${bootloaderArea.sizeBytes}b`]),
              at,
            ],
          },
        ],
      },
    ];
  },
};

export const vgBuilder: Builder<Vg> = {
  problem: ({ clustered, shared, exported }) =>
    clustered === true || shared === true || exported === true
      ? 'a volume group that several hosts share, or that was exported'
      : undefined,
  release: ({ name }) => [{ argv: words('vgchange', '--activate', 'n', name), okCodes: [0, 5] }],
  create(group, site) {
    const { name, extentBytes, allocation, maxVolumes, maxPhysical, metadataCopies, on } = group;
    const devices = on.map((id) => device(only(site.get(id))));
    return [
      {
        title: `make the volume group ${name}`,
        commands: [
          {
            argv: [
              'vgcreate',
              '--yes',
              ...(extentBytes === undefined ? [] : ['--physicalextentsize', `${extentBytes}b`]),
              ...(allocation === undefined ? [] : ['--alloc', allocation]),
              ...(maxVolumes === undefined ? [] : ['--maxlogicalvolumes', String(maxVolumes)]),
              ...(maxPhysical === undefined ? [] : ['--maxphysicalvolumes', String(maxPhysical)]),
              ...(metadataCopies === undefined ? [] : ['--vgmetadatacopies', metadataCopies]),
              ...tags(group.tags),
              name,
              ...devices,
            ],
          },
        ],
        again: [{ argv: words('vgremove', '--force', '--force', '--yes', name), okCodes: [0, 5] }],
      },
      ...allVolumes(group.id, site).map((volume) => volumeDeed(volume, group, site)),
      ...settingsOfPhysical(group, site),
      identityDeed(group, site),
    ];
  },
};

/** After its volumes: some of them lie where no other may. */
function settingsOfPhysical({ name, on }: Vg, site: Site): Deed[] {
  const commands = on.flatMap((id): Command[] => {
    const one = site.get(id);
    if (one.kind !== 'pv') return [];
    const options = [...tags(one.tags), ...(one.allocatable === false ? ['--allocatable', 'n'] : [])];
    return options.length === 0 ? [] : [{ argv: words('pvchange', '--yes', ...options, device(only(one))) }];
  });
  return commands.length === 0 ? [] : [{ title: `set up the physical volumes of ${name}`, commands }];
}

/** Types of volumes that are made as they were; others are told before anything is touched. */
const known = /^(linear|striped|raid1|raid10|raid4|raid[56](_\w+)?|thin-pool|thin)$/;

export const lvBuilder: Builder<Lv> = {
  // Made with its group, which gets its UUIDs back before anything is put on it.
  create: () => [],
  // LVM chooses where it lies.
  compared({ parts: _, ...volume }) {
    return { ...volume, segments: joined(volume.segments) };
  },
  problem({ segments, origin }) {
    const [first] = segments;
    if (first === undefined) return 'LVM could not tell what it was made of when it was captured';
    if (origin !== undefined) return `a snapshot of ${origin}: snapshots are not made anew`;
    if (segments.some(({ type }) => !known.test(type))) return `a logical volume of the type ${first.type}`;
    return undefined;
  },
  path(volume, _, site) {
    const mapped = (name: string): string => name.replaceAll('-', '--');
    return `/dev/mapper/${mapped(groupOf(volume, site).name)}-${mapped(volume.name)}`;
  },
};

function joined(segments: Lv['segments']): Lv['segments'] {
  const [first, ...others] = segments;
  if (first === undefined) return [];
  const extents = [first, ...others].reduce((total, one) => total + one.extents, 0);
  const { metadataAreas: _, ...rest } = first;
  return [{ ...rest, extents, areas: [] }];
}

function volumeDeed(volume: Lv, group: Vg, site: Site): Deed {
  const { name, sizeBytes, readOnly } = volume;
  const path = `${group.name}/${name}`;
  return {
    title: `make the logical volume ${path}, ${formatBytes(sizeBytes)}`,
    commands: [
      {
        argv: words(
          'lvcreate',
          ...createWords(volume, site),
          ...settingWords(volume),
          group.name,
          ...placeWords(volume, site),
        ),
      },
      ...changeCommands(volume, group.name),
      ...(readOnly === true ? [{ argv: words('lvchange', '--permission', 'r', path) }] : []),
    ],
    again: [{ argv: words('lvremove', '--force', '--force', '--yes', path), okCodes: [0, 5] }],
  };
}

const words = (program: string, ...rest: readonly Word[]): [string, ...Word[]] => [program, ...rest];

function groupOf(volume: Lv, site: Site): Vg {
  const under = site.get(only(volume));
  if (under.kind === 'vg') return under;
  if (under.kind === 'lv') return groupOf(under, site);
  throw new Error(`${volume.id} stands on ${under.id}`);
}

function createWords(volume: Lv, site: Site): string[] {
  const [first] = volume.segments;
  const size = ['--size', `${volume.sizeBytes}b`];
  const stripe = first?.stripeBytes === undefined ? [] : ['--stripesize', `${first.stripeBytes}b`];
  const region = first?.regionBytes === undefined ? [] : ['--regionsize', `${first.regionBytes}b`];
  switch (first?.type) {
    case 'thin':
      return ['--type', 'thin', '--virtualsize', `${volume.sizeBytes}b`, '--thinpool', poolOf(volume, site)];
    case 'thin-pool':
      return [
        '--type',
        'thin-pool',
        ...size,
        ...(first.chunkBytes === undefined ? [] : ['--chunksize', `${first.chunkBytes}b`]),
        ...(volume.metadataBytes === undefined ? [] : ['--poolmetadatasize', `${volume.metadataBytes}b`]),
        ...(first.zero === undefined ? [] : ['--zero', first.zero ? 'y' : 'n']),
        ...(first.discards === undefined ? [] : ['--discards', first.discards]),
        ...(volume.whenFull === undefined ? [] : ['--errorwhenfull', volume.whenFull === 'error' ? 'y' : 'n']),
      ];
    case 'raid1':
      return ['--type', 'raid1', ...size, '--mirrors', String((first.stripes ?? 2) - 1), ...region];
    case 'raid10':
      return [
        ...option('--type', 'raid10'),
        ...size,
        ...option('--stripes', first.dataStripes ?? 2),
        ...option('--mirrors', (first.dataCopies ?? 2) - 1),
        ...stripe,
        ...region,
      ];
    case 'striped':
      return ['--type', 'striped', ...size, '--stripes', String(first.stripes ?? 1), ...stripe];
    case undefined:
    case 'linear':
      return ['--type', 'linear', ...size];
    default:
      return [
        '--type',
        first?.type ?? 'linear',
        ...size,
        ...option('--stripes', first?.dataStripes ?? 2),
        ...stripe,
        ...region,
      ];
  }
}

/** The physical volumes that it lay on: who put it on the fast ones wants it there. */
function placeWords({ segments, parts = [] }: Lv, site: Site): Word[] {
  const areas = [...segments, ...parts.flatMap((part) => part.segments)].flatMap((one) => one.areas);
  const places = new Set(areas.flatMap((area) => /^(pv:[^:]*):\d+-\d+$/.exec(area)?.[1] ?? []));
  return [...places].map((id) => device(only(site.get(id))));
}

function poolOf(volume: Lv, site: Site): string {
  const pool = site.get(only(volume));
  return pool.kind === 'lv' ? pool.name : '';
}

function settingWords({ name, tags: names, allocation, skipActivation, readAheadBytes, major, minor }: Lv): string[] {
  return [
    '--yes',
    ...option('--name', name),
    ...option('--wipesignatures', 'y'),
    ...tags(names),
    ...(allocation === undefined ? [] : ['--alloc', allocation]),
    ...(skipActivation === true ? ['--setactivationskip', 'y', '--ignoreactivationskip'] : []),
    ...(readAheadBytes === undefined ? [] : ['--readahead', String(readAheadBytes / 512)]),
    ...(minor === undefined ? [] : ['--persistent', 'y', '--major', String(major ?? 253), '--minor', String(minor)]),
  ];
}

/** What lvcreate takes no option for. */
function changeCommands({ name, raid, noAutoActivation, allocationLocked }: Lv, group: string): Command[] {
  const options = [
    ...(raid?.writeBehind === undefined ? [] : ['--writebehind', String(raid.writeBehind)]),
    ...(raid?.minRecoveryKiB === undefined ? [] : ['--minrecoveryrate', `${raid.minRecoveryKiB}k`]),
    ...(raid?.maxRecoveryKiB === undefined ? [] : ['--maxrecoveryrate', `${raid.maxRecoveryKiB}k`]),
    ...(noAutoActivation === true ? ['--setautoactivation', 'n'] : []),
    ...(allocationLocked === true ? ['--contiguous', 'y'] : []),
  ];
  return options.length === 0 ? [] : [{ argv: words('lvchange', ...options, `${group}/${name}`) }];
}

/**
 * Puts the UUIDs of a group and its volumes back: LVM takes none when it makes them. The text of the group is read back with the old
 * ones in it, while none of its volumes is in use.
 */
function identityDeed(group: Vg, site: Site): Deed {
  const volumes = allVolumes(group.id, site);
  const pairs = [`${group.name}=${group.uuid}`, ...volumes.map(({ name, uuid }) => `${name}=${uuid}`)];
  return {
    title: `give the volume group ${group.name} and its volumes the UUIDs that they had`,
    commands: [{ argv: ['sh', '-euc', restoreIds, 'sh', group.name, ...pairs] }, { argv: ['udevadm', 'settle'] }],
  };
}

function allVolumes(id: string, site: Site): Lv[] {
  return aboveOfKind(site, id, 'lv').flatMap((volume) => [volume, ...allVolumes(volume.id, site)]);
}

/** In the text, a section's name stands before its `id = "…"`: that of the group first, those of volumes below `logical_volumes`. */
const restoreIds = `
group=$1; shift
text=$(mktemp)
trap 'rm -f "$text" "$text.new"' EXIT
vgchange --activate n "$group"
vgcfgbackup --file "$text" "$group"
for pair in "$@"; do printf '%s\\n' "$pair"; done | awk -v group="$group" '
  NR == FNR { at = index($0, "="); ids[substr($0, 1, at - 1)] = substr($0, at + 1); next }
  / \\{$/ { depth++; name[depth] = $1 }
  /^[ \\t]*id = / && (depth == 1 || (depth == 3 && name[2] == "logical_volumes")) && name[depth] in ids {
    if (depth == 3 || name[1] == group) sub(/"[^"]*"/, "\\"" ids[name[depth]] "\\"")
  }
  /^[ \\t]*}/ { depth-- }
  { print }
' - "$text" > "$text.new"
vgcfgrestore --force --file "$text.new" "$group" < /dev/null
vgchange --activate y "$group"
`;
