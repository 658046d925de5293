/** How a logical volume is made: what it is made of first, then what makes one of that. */
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { only, option, type Site } from '../builder.ts';
import { exactWords, innerName, partNamed, type Piece, placeWords, writeMostlyIds } from './lvm-places.ts';

type Vg = ComponentOf<'vg'>;
type Lv = ComponentOf<'lv'>;
type Segment = Lv['segments'][number];

/** Where a volume is made. */
interface Context {
  readonly volume: Lv;
  readonly group: Vg;
  readonly site: Site;
  /** Whether room is set aside to repair the metadata of pools with: once for all of a group. */
  readonly spare: boolean;
}

const words = (program: string, ...rest: readonly Word[]): [string, ...Word[]] => [program, ...rest];
const bytes = (count: number | undefined): string | undefined => (count === undefined ? undefined : `${count}b`);

export const isThinPool = ({ segments: [first] }: Piece): boolean => first?.type === 'thin-pool';
const cachePoolOf = (volume: Lv): Piece | undefined =>
  volume.segments[0]?.type === 'cache-pool'
    ? volume
    : volume.parts?.find(({ segments: [first] }) => first?.type === 'cache-pool');

/** Of what holds metadata of its own, for which LVM sets the same room aside; otherwise nothing. */
export function poolMetadataBytes(volume: Lv): number | undefined {
  if (isThinPool(volume)) return volume.metadataBytes ?? 0;
  const pool = cachePoolOf(volume);
  if (pool === undefined) return undefined;
  return partNamed(volume, pool.name.concat('_cmeta'))?.sizeBytes ?? volume.metadataBytes ?? 0;
}

/** @returns in order; the last makes it what it was */
export function volumeCommands(context: Context): Command[] {
  const { volume, group, site } = context;
  const [first] = volume.segments;
  switch (first?.type) {
    case 'thin':
      return [thin(volume, group, site)];
    case 'vdo-pool':
      return vdo(volume, first, context);
    // Made with its pool.
    case 'vdo':
      return [];
    default:
      return pieceCommands(volume.name, volume, settingWords(volume), context);
  }
}

/** Names that there may be when making it was cut off, those of whole volumes last. */
export function namesOf(volume: Lv): string[] {
  const inner = (volume.parts ?? []).flatMap(({ name }) =>
    behindName.test(name) ? [name.replace(behindName, '')] : [],
  );
  return [metadataName(volume.name), ...inner, volume.name];
}

/** What LVM calls a cache once it is one. */
const behindName = /_(?:cvol|cpool)$/;

const metadataName = (name: string): string => `metadata-of-${name}`;

function pieceCommands(name: string, piece: Piece, settings: readonly Word[], context: Context): Command[] {
  const [first] = piece.segments;
  const { volume } = context;
  switch (first?.type) {
    case 'thin-pool':
      return thinPool(name, piece, first, settings, context);
    case 'cache':
    case 'writecache':
      return cached(name, piece, first, settings, context);
    case 'cache-pool':
      return [cachePool(name, piece, settings, context)];
    case 'linear':
    case 'striped':
      return inPieces(name, piece, settings, context);
    default: {
      const place = placeWords(piece, volume, context.group, context.site);
      const type = typeWords(piece, first, volume);
      return [
        { argv: words('lvcreate', ...type, ...size(piece), ...named(name, settings), context.group.name, ...place) },
      ];
    }
  }
}

const size = ({ sizeBytes }: Piece): string[] => option('--size', bytes(sizeBytes));
const named = (name: string, settings: readonly Word[]): Word[] => [
  '--yes',
  ...option('--name', name),
  ...option('--wipesignatures', 'y'),
  ...settings,
];

/** On the very extents that each of its segments had, where these are as they were. */
function inPieces(name: string, piece: Piece, settings: readonly Word[], { volume, group, site }: Context): Command[] {
  const { name: groupName, extentBytes = 4 << 20 } = group;
  const exact = piece.segments.map((segment) => exactWords(segment, group, site));
  const [head, ...tail] = piece.segments;
  if (head === undefined || exact.some((place) => place === undefined)) {
    const place = placeWords(piece, volume, group, site);
    return [
      {
        argv: words(
          'lvcreate',
          ...typeWords(piece, head, volume),
          ...size(piece),
          ...named(name, settings),
          groupName,
          ...place,
        ),
      },
    ];
  }
  const bytesOf = ({ extents }: Segment): string[] => option('--size', bytes(extents * extentBytes));
  // Of its own allocation only the settings say: what lies there is told.
  const anywhere = tail.length === 0 ? [] : option('--alloc', 'anywhere');
  return [
    {
      argv: words(
        'lvcreate',
        ...typeWords(piece, head, volume),
        ...bytesOf(head),
        ...named(name, settings),
        groupName,
        ...(exact[0] ?? []),
      ),
    },
    ...tail.map((segment, index): Command => {
      const stripes = segment.stripes === undefined ? option('--stripes', 1) : stripeWords(segment);
      const more = option('--size', `+${segment.extents * extentBytes}b`);
      return {
        argv: words(
          'lvextend',
          '--yes',
          ...stripes,
          ...anywhere,
          ...more,
          `${groupName}/${name}`,
          ...(exact[index + 1] ?? []),
        ),
      };
    }),
  ];
}

const stripeWords = ({ stripes, dataStripes, stripeBytes }: Segment): string[] => [
  ...option('--stripes', dataStripes ?? stripes ?? 1),
  ...option('--stripesize', bytes(stripeBytes)),
];

/** What lvcreate is told of volumes that lie on their group at once. */
function typeWords(piece: Piece, first: Segment | undefined, volume: Lv): string[] {
  if (first === undefined || first.type === 'linear') return option('--type', 'linear');
  const region = option('--regionsize', bytes(first.regionBytes));
  const { integrity, integrityBlockBytes } = piece.raid ?? {};
  const sums =
    integrity === undefined
      ? []
      : [
          ...option('--raidintegrity', 'y'),
          ...option('--raidintegritymode', integrity),
          ...option('--raidintegrityblocksize', integrityBlockBytes),
        ];
  switch (first.type) {
    case 'mirror': {
      const log = partNamed(volume, `${piece.name}_mlog`);
      const kind = log === undefined ? 'core' : log.segments[0]?.type === 'mirror' ? 'mirrored' : 'disk';
      return [
        ...option('--type', 'mirror'),
        ...option('--mirrors', (first.stripes ?? 2) - 1),
        ...option('--mirrorlog', kind),
        ...region,
      ];
    }
    case 'raid1':
      return [...option('--type', 'raid1'), ...option('--mirrors', (first.stripes ?? 2) - 1), ...region, ...sums];
    case 'raid10':
      return [
        ...option('--type', 'raid10'),
        ...option('--mirrors', (first.dataCopies ?? 2) - 1),
        ...stripeWords({ ...first, dataStripes: first.dataStripes ?? 2 }),
        ...region,
        ...sums,
      ];
    default:
      return [...option('--type', first.type), ...stripeWords(first), ...region, ...sums];
  }
}

/** Settings of a volume as a whole, as lvcreate takes them. */
function settingWords({ tags = [], allocation, skipActivation, readAheadBytes, major, minor }: Lv): string[] {
  return [
    ...tags.flatMap((tag) => option('--addtag', tag)),
    ...option('--alloc', allocation),
    ...(skipActivation === true ? ['--setactivationskip', 'y', '--ignoreactivationskip'] : []),
    ...option('--readahead', readAheadBytes === undefined ? undefined : readAheadBytes / 512),
    ...(minor === undefined ? [] : ['--persistent', 'y', '--major', String(major ?? 253), '--minor', String(minor)]),
  ];
}

/** A snapshot of a thin volume is a thin volume of its own, which knows where it came from. */
function thin(volume: Lv, group: Vg, site: Site): Command {
  const pool = site.get(only(volume));
  const { name, tags = [], origin, skipActivation = false, sizeBytes } = volume;
  const isThere = site.above(only(volume)).some((one) => one.kind === 'lv' && one.name === origin);
  if (origin === undefined || !isThere) {
    const from = pool.kind === 'lv' ? pool.name : '';
    const made = [
      ...option('--type', 'thin'),
      ...option('--virtualsize', bytes(sizeBytes)),
      ...option('--thinpool', from),
    ];
    return { argv: words('lvcreate', ...made, ...named(name, settingWords(volume)), group.name) };
  }
  return {
    argv: words(
      'lvcreate',
      '--yes',
      '--snapshot',
      ...option('--name', name),
      ...tags.flatMap((tag) => option('--addtag', tag)),
      ...option('--setactivationskip', skipActivation ? 'y' : 'n'),
      '--ignoreactivationskip',
      `${group.name}/${origin}`,
    ),
  };
}

/** Of its data and its metadata, each where and as it was; by LVM alone where nobody knows. */
function thinPool(name: string, piece: Piece, first: Segment, settings: readonly Word[], context: Context): Command[] {
  const { volume, group, spare } = context;
  const data = partNamed(volume, innerName(first.areas[0]));
  const metadata = partNamed(volume, `${piece.name}_tmeta`);
  const own = [
    ...option('--chunksize', bytes(first.chunkBytes)),
    ...option('--zero', first.zero === undefined ? undefined : first.zero ? 'y' : 'n'),
    ...option('--discards', first.discards),
    ...option('--poolmetadataspare', spare ? 'y' : 'n'),
  ];
  const full = option('--errorwhenfull', volume.whenFull === 'error' ? 'y' : undefined);
  if (data === undefined || metadata === undefined) {
    const sized = [...size(piece), ...option('--poolmetadatasize', bytes(volume.metadataBytes))];
    return [
      {
        argv: words(
          'lvcreate',
          ...option('--type', 'thin-pool'),
          ...sized,
          ...own,
          ...full,
          ...named(name, settings),
          group.name,
        ),
      },
    ];
  }
  const path = `${group.name}/${name}`;
  const under = `${group.name}/${metadataName(name)}`;
  return [
    ...pieceCommands(name, data, settings, context),
    ...pieceCommands(metadataName(name), metadata, [], context),
    {
      argv: words(
        'lvconvert',
        '--yes',
        ...option('--type', 'thin-pool'),
        ...option('--poolmetadata', under),
        ...own,
        path,
      ),
    },
    ...(full.length === 0 ? [] : [{ argv: words('lvchange', ...full, path) }]),
  ];
}

function cachePool(
  name: string,
  piece: Piece,
  settings: readonly Word[],
  { volume, group, site, spare }: Context,
): Command {
  const [first] = piece.segments;
  const metadata = partNamed(volume, `${piece.name}_cmeta`);
  return {
    argv: words(
      'lvcreate',
      ...option('--type', 'cache-pool'),
      ...size(piece),
      ...option('--poolmetadatasize', bytes(metadata?.sizeBytes ?? volume.metadataBytes)),
      ...option('--chunksize', bytes(first?.chunkBytes)),
      ...option('--cachemode', first?.cacheMode),
      ...option('--poolmetadataspare', spare ? 'y' : 'n'),
      ...named(name, settings),
      group.name,
      ...placeWords(piece, volume, group, site),
    ),
  };
}

/** What is slow, what is fast, and the one behind the other. */
function cached(name: string, piece: Piece, first: Segment, settings: readonly Word[], context: Context): Command[] {
  const { volume, group } = context;
  const slow = partNamed(volume, innerName(first.areas[0]));
  const fast = volume.parts?.find((part) => behindName.test(part.name));
  if (slow === undefined || fast === undefined) throw new Error(`${volume.id} does not tell what it is made of`);
  const fastName = fast.name.replace(behindName, '');
  const fastPath = `${group.name}/${fastName}`;
  const path = `${group.name}/${name}`;
  const policy = [
    ...option('--cachepolicy', first.cachePolicy),
    ...option('--cachesettings', first.cacheSettings?.replaceAll(',', ' ')),
  ];
  const made = pieceCommands(name, { ...slow, sizeBytes: piece.sizeBytes }, settings, context);
  if (first.type === 'writecache') {
    return [
      ...made,
      ...pieceCommands(fastName, fast, [], context),
      { argv: words('lvchange', ...option('--activate', 'n'), fastPath) },
      {
        argv: words(
          'lvconvert',
          '--yes',
          ...option('--type', 'writecache'),
          ...option('--cachevol', fastPath),
          ...policy,
          path,
        ),
      },
    ];
  }
  const isPool = fast.segments[0]?.type === 'cache-pool';
  const how = [
    ...option('--cachemode', first.cacheMode),
    ...option('--cachemetadataformat', first.cacheFormat),
    ...(isPool
      ? option('--poolmetadataspare', context.spare ? 'y' : 'n')
      : [
          ...option('--chunksize', bytes(first.chunkBytes)),
          ...option('--poolmetadatasize', bytes(volume.metadataBytes)),
        ]),
  ];
  return [
    ...made,
    ...pieceCommands(fastName, fast, [], context),
    {
      argv: words(
        'lvconvert',
        '--yes',
        ...option('--type', 'cache'),
        ...option(isPool ? '--cachepool' : '--cachevol', fastPath),
        ...how,
        ...policy,
        path,
      ),
    },
  ];
}

/** The pool and the volume in it at once: LVM knows no other way. */
function vdo(pool: Lv, { vdo: said = {} }: Segment, { group, site }: Context): Command[] {
  const volume = site.above(pool.id).find((one) => one.kind === 'lv');
  if (volume?.kind !== 'lv') throw new Error(`${pool.id} holds no volume`);
  const settings = vdoSettings.flatMap(([name, unit]) => {
    const value = said[name];
    return value === undefined
      ? []
      : [`vdo_${unit === 1 ? name : `${name}_mb`}=${unit === 1 ? value : Number(value) / unit}`];
  });
  const yes = (value: string | undefined): string | undefined =>
    value === undefined ? undefined : value === '1' ? 'y' : 'n';
  return [
    {
      argv: words(
        'lvcreate',
        ...option('--type', 'vdo'),
        ...size(pool),
        ...option('--virtualsize', bytes(volume.sizeBytes)),
        ...option('--compression', yes(said['compression'])),
        ...option('--deduplication', yes(said['deduplication'])),
        ...option('--config', `allocation{${settings.join(' ')}}`),
        ...named(volume.name, settingWords(volume)),
        `${group.name}/${pool.name}`,
        ...placeWords(pool, pool, group, site),
      ),
      timeoutMs: 10 * 60_000,
    },
  ];
}

const mebibyte = 1 << 20;

/** As lvm.conf(5) names them, with the unit in which it takes them. */
const vdoSettings: readonly (readonly [string, number])[] = [
  ['use_metadata_hints', 1],
  ['minimum_io_size', 1],
  ['block_map_cache_size', mebibyte],
  ['block_map_era_length', 1],
  ['use_sparse_index', 1],
  ['index_memory_size', mebibyte],
  ['slab_size', mebibyte],
  ['ack_threads', 1],
  ['bio_threads', 1],
  ['bio_rotation', 1],
  ['cpu_threads', 1],
  ['hash_zone_threads', 1],
  ['logical_threads', 1],
  ['physical_threads', 1],
  ['max_discard', 1],
];

/** What lvcreate takes no option for. */
export function changeCommands(volume: Lv, group: Vg, site: Site): Command[] {
  const { name, raid, noAutoActivation, allocationLocked, readOnly } = volume;
  const path = `${group.name}/${name}`;
  const options = [
    ...option('--writebehind', raid?.writeBehind),
    ...option('--minrecoveryrate', raid?.minRecoveryKiB === undefined ? undefined : `${raid.minRecoveryKiB}k`),
    ...option('--maxrecoveryrate', raid?.maxRecoveryKiB === undefined ? undefined : `${raid.maxRecoveryKiB}k`),
    ...(noAutoActivation === true ? option('--setautoactivation', 'n') : []),
    ...(allocationLocked === true ? option('--contiguous', 'y') : []),
  ];
  const lagging = writeMostlyIds(volume, group).flatMap((id): Word[] => [
    '--writemostly',
    { device: only(site.get(id)), after: ':y' },
  ]);
  return [
    ...(lagging.length + options.length === 0 ? [] : [{ argv: words('lvchange', ...lagging, ...options, path) }]),
    ...(readOnly === true ? [{ argv: words('lvchange', ...option('--permission', 'r'), path) }] : []),
  ];
}
