/** LVM: each volume by lvcreate(8), whatever its type; then the UUIDs are put back as they were. */
import type { Command } from '../../../plan/action.ts';
import { formatBytes } from '../../../kernel/units.ts';
import type { ComponentOf } from '../../types.ts';
import { present } from '../../../kernel/present.ts';
import { aboveOfKind, type Builder, command, type Deed, device, only, type Site } from '../builder.ts';
import { firstExtents, inOrderOfPlaces } from './lvm-places.ts';
import { phases, type Step } from './lvm-step.ts';
import { changeCommands, isThinPool, namesOf, poolMetadataBytes, volumeSteps } from './lvm-volume.ts';

type Pv = ComponentOf<'pv'>;
type Vg = ComponentOf<'vg'>;
type Lv = ComponentOf<'lv'>;

const tags = (names: readonly string[] | undefined): string[] => (names ?? []).flatMap((tag) => ['--addtag', tag]);

export const pvBuilder: Builder<Pv> = {
  omitted: ({ missing }) => (missing === true ? 'as it was not there' : undefined),
  // LVM chooses which copies of its metadata it uses.
  compared({ extents, ...volume }, isResized) {
    // How many there are follows from its size.
    const own = isResized ? volume : { ...volume, ...present({ extents }) };
    if (own.metadata === undefined) return own;
    const { ignored: _, ...metadata } = own.metadata;
    return { ...own, metadata };
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
  problem({ clustered, shared, exported, readOnly, systemId, lockType }) {
    if (clustered === true || shared === true || exported === true || lockType !== undefined)
      return 'a volume group that several hosts share, or that was exported';
    if (readOnly === true) return 'a volume group that nobody may change';
    return systemId === undefined ? undefined : `a volume group of the system ${systemId} alone`;
  },
  mended(group, site) {
    const there = group.on.filter((id) => !isMissing(id, site));
    if (there.length === group.on.length) return undefined;
    const { sizeBytes: _size, extents: _extents, ...rest } = group;
    const { extentBytes = 4 << 20 } = group;
    const extents = there.reduce((total, id) => total + extentsOf(id, site), 0);
    return {
      component: { ...rest, on: there, extents, sizeBytes: extents * extentBytes },
      note: `it is made without what was not there of it: ${group.on.filter((id) => isMissing(id, site)).join(', ')}`,
    };
  },
  release: ({ name }) => [{ ...command('vgchange', '--activate', 'n', name), okCodes: [0, 5] }],
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
        again: [{ ...command('vgremove', '--force', '--force', '--yes', name), okCodes: [0, 5] }],
      },
      ...volumeDeeds(group, site),
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
    return options.length === 0 ? [] : [command('pvchange', '--yes', ...options, device(only(one)))];
  });
  return commands.length === 0 ? [] : [{ title: `set up the physical volumes of ${name}`, commands }];
}

/** Types of volumes that are made as they were; others are told before anything is touched. */
const known =
  /^(linear|striped|mirror|raid0(_meta)?|raid1|raid10|raid4|raid[56](_\w+)?|thin-pool|thin|cache|cache-pool|writecache|vdo-pool|vdo)$/;

export const lvBuilder: Builder<Lv> = {
  // Made with its group, which gets its UUIDs back before anything is put on it.
  create: () => [],
  // LVM chooses which copy lies where, and the room for its own.
  compared({ parts: _parts, metadataBytes, ...volume }, isResized) {
    const settings = isThinPool(volume) && !isResized ? present({ metadataBytes }) : {};
    return { ...volume, ...settings, segments: joined(volume.segments, isResized) };
  },
  omitted(volume, site) {
    if (isOldSnapshot(volume)) return `as it shows ${volume.origin} as it was at a moment that is gone`;
    return liesOnLost(volume, site) ? 'as a part of it lay on what was not there' : undefined;
  },
  mended(volume, site) {
    const isTorn = !liesOnLost(volume, site) && placesOf(volume).some((id) => isMissing(id, site));
    return isTorn ? { component: volume, note: 'it is made whole on what is there' } : undefined;
  },
  problem(volume, site) {
    const { segments, origin, readOnly, id } = volume;
    const [first] = segments;
    if (first === undefined) return 'LVM could not tell what it was made of when it was captured';
    const pieces = [...segments, ...(volume.parts ?? []).flatMap((part) => part.segments)];
    const other = pieces.find(({ type }) => !known.test(type));
    if (other !== undefined) return `a logical volume of the type ${other.type}`;
    if (readOnly === true && site.above(id).length > 0)
      return 'it can be written to by nobody, and something was on it';
    const isCopy = first.type === 'thin' && origin !== undefined && volume.pool !== undefined;
    const from = site.above(only(volume)).find((one) => one.kind === 'lv' && one.name === origin);
    return isCopy && from === undefined ? `a thin snapshot of ${origin}, which is not in its pool` : undefined;
  },
  path(volume, _, site) {
    const mapped = (name: string): string => name.replaceAll('-', '--');
    return `/dev/mapper/${mapped(groupOf(volume, site).name)}-${mapped(volume.name)}`;
  },
};

/** Which of its own snapshots: those of thin volumes are thin volumes. */
const isOldSnapshot = ({ origin, segments: [first] }: Lv): boolean => origin !== undefined && first?.type !== 'thin';

/** Each the same as before it but for where it lies: as one. */
function joined(segments: Lv['segments'], isResized: boolean): Lv['segments'] {
  const pieces: Lv['segments'] = [];
  for (const { metadataAreas: _, areas: _areas, ...piece } of segments) {
    const last = pieces.at(-1);
    const isSame = last !== undefined && (isResized || (last.type === piece.type && last.stripes === piece.stripes));
    if (isSame) last.extents += piece.extents;
    else pieces.push({ ...piece, areas: [] });
  }
  return pieces;
}

const isMissing = (id: string, site: Site): boolean => {
  const volume = site.get(id);
  return volume.kind === 'pv' && volume.missing === true;
};

const extentsOf = (id: string, site: Site): number => {
  const volume = site.get(id);
  return volume.kind === 'pv' ? (volume.extents ?? 0) : 0;
};

/** Ids of the physical volumes that some segments lie on at once. */
const placesIn = (segments: Lv['segments']): string[] =>
  segments.flatMap(({ areas }) => areas.flatMap((area) => /^(pv:[^:]*):\d+-\d+$/.exec(area)?.[1] ?? []));

const placesOf = ({ segments, parts = [] }: Lv): string[] =>
  placesIn([...segments, ...parts.flatMap((part) => part.segments)]);

/** Without a copy elsewhere. */
function liesOnLost(volume: Lv, site: Site): boolean {
  const copied = new Set((volume.parts ?? []).flatMap(({ name, segments }) => (isCopied(segments) ? [name] : [])));
  if (isCopied(volume.segments)) copied.add(volume.name);
  const isImage = (name: string): boolean => [...copied].some((one) => name.startsWith(`${one}_`));
  const pieces = [volume, ...(volume.parts ?? [])].filter(({ name }) => !isImage(name));
  return pieces.some(({ segments }) => placesIn(segments).some((id) => isMissing(id, site)));
}

const isCopied = ([first]: Lv['segments']): boolean =>
  /^(mirror|raid1|raid10|raid[456](_\w+)?)$/.test(first?.type ?? '');

/**
 * Those that lie where they did first, and RAID, which LVM finds room for on the same disks, behind them in the order in which it lay; of
 * pools the one with most metadata last, as the room that is set aside to repair them with is that of the one that it is made with.
 * Snapshots come after what they show.
 */
function volumeDeeds(group: Vg, site: Site): Deed[] {
  const volumes = allVolumes(group.id, site);
  const depth = (volume: Lv): number => {
    const origin = volume.segments[0]?.type === 'thin' ? volumes.find(({ name }) => name === volume.origin) : undefined;
    return origin === undefined ? 0 : 1 + depth(origin);
  };
  const rank = (volume: Lv): number => {
    if (volume.on.some((id) => site.get(id).kind === 'lv')) return 2 ** 60 + depth(volume);
    const metadata = poolMetadataBytes(volume);
    if (metadata !== undefined) return 1 + metadata;
    const isRaid = (volume.parts ?? []).some(({ name }) => /_[rm]image_\d+$/.test(name));
    if (firstExtents(volume).size > 0) return isRaid ? 2 ** 59 : 0;
    // Where all lie anew: what has to be on several disks before what may be anywhere.
    return (volume.segments[0]?.stripes ?? 1) > 1 ? -1 : 0;
  };
  const order = inOrderOfPlaces(volumes).toSorted((a, b) => rank(a) - rank(b));
  const last = order.findLast((volume) => poolMetadataBytes(volume) !== undefined);
  const made = order.map((volume) => {
    const spare = volume === last && group.metadataSpareBytes !== undefined;
    return { volume, steps: volumeSteps({ volume, group, site, spare }) };
  });
  return phases.flatMap((phase) => made.flatMap(({ volume, steps }) => deedsOf(phase, volume, steps, group, site)));
}

/** What is done for a volume in a phase; who was cut off in it begins with the first one anew. */
function deedsOf(phase: Step['phase'], volume: Lv, steps: readonly Step[], group: Vg, site: Site): Deed[] {
  const own = steps.filter((step) => step.phase === phase).map(({ command: made }) => made);
  if (own.length === 0) return [];
  const isLast = steps.at(-1)?.phase === phase;
  const path = `${group.name}/${volume.name}`;
  const before = steps.slice(
    0,
    steps.findIndex((step) => step.phase === phase),
  );
  return [
    {
      title: `make ${isLast ? 'the logical volume' : 'what becomes'} ${path}, ${formatBytes(volume.sizeBytes)}`,
      commands: [...own, ...(isLast ? changeCommands(volume, group, site) : [])],
      again: [
        ...namesOf(volume).map((name) => ({
          ...command('lvremove', '--force', '--force', '--yes', `${group.name}/${name}`),
          okCodes: [0, 5],
        })),
        ...before.map(({ command: made }) => made),
      ],
    },
  ];
}

function groupOf(volume: Lv, site: Site): Vg {
  const under = site.get(only(volume));
  if (under.kind === 'vg') return under;
  if (under.kind === 'lv') return groupOf(under, site);
  throw new Error(`${volume.id} stands on ${under.id}`);
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
    commands: [
      { argv: ['sh', '-euc', restoreIds, 'sh', group.name, ...pairs] },
      // What sleeps and carries something was woken by hand.
      ...volumes.flatMap((volume): Command[] => {
        if (volume.skipActivation !== true || site.above(volume.id).length === 0) return [];
        const path = `${group.name}/${volume.name}`;
        return [command('lvchange', '--activate', 'y', '--ignoreactivationskip', path)];
      }),
      ...(group.fixedSize === true ? [command('vgchange', '--resizeable', 'n', group.name)] : []),
      ...(group.noAutoActivation === true ? [command('vgchange', '--setautoactivation', 'n', group.name)] : []),
      { argv: ['udevadm', 'settle'] },
    ],
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
