/** How a logical volume is made: what it is made of first, then what makes one of that. */
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { command, only, option, type Site } from '../builder.ts';
import { leafSteps } from './lvm-leaf.ts';
import { innerName, partNamed, type Piece, writeMostlyIds } from './lvm-places.ts';
import { bytes, type Context, named, size, type Step } from './lvm-step.ts';
import { vdoStep } from './lvm-vdo.ts';

type Vg = ComponentOf<'vg'>;
type Lv = ComponentOf<'lv'>;
type Segment = Lv['segments'][number];

export const isThinPool = ({ segments: [first] }: Piece): boolean => first?.type === 'thin-pool';
const isCachePool = ({ segments: [first] }: Piece): boolean => first?.type === 'cache-pool';

/** Of what holds metadata of its own, for which LVM sets the same room aside; otherwise nothing. */
export function poolMetadataBytes(volume: Lv): number | undefined {
  if (isThinPool(volume)) return volume.metadataBytes ?? 0;
  const pool = isCachePool(volume) ? volume : volume.parts?.find(isCachePool);
  if (pool === undefined) return undefined;
  return partNamed(volume, `${pool.name}_cmeta`)?.sizeBytes ?? volume.metadataBytes ?? 0;
}

/** @returns in order; the last makes it what it was */
export function volumeSteps(context: Context): Step[] {
  const { volume, group, site } = context;
  switch (volume.segments[0]?.type) {
    case 'thin':
      return [join(thin(volume, group, site))];
    case 'vdo-pool':
      return [vdoStep(volume, settingWords, context)];
    // Made with its pool.
    case 'vdo':
      return [];
    case undefined:
    default:
      return pieceSteps(volume.name, volume, settingWords(volume), context);
  }
}

/** What there may be when making it was cut off, by name. */
export function namesOf(volume: Lv): string[] {
  const behind = (volume.parts ?? []).flatMap(({ name }) => (behindName.test(name) ? [frontName(name)] : []));
  return [...[volume.name, ...behind].map(metadataName), ...behind, volume.name];
}

/** What LVM calls a cache once it is one. */
const behindName = /_(?:cvol|cpool)$/;
const frontName = (name: string): string => name.replace(behindName, '');
const metadataName = (name: string): string => `metadata-of-${name}`;

const join = (made: Command): Step => ({ phase: 'join', command: made });

function pieceSteps(name: string, piece: Piece, settings: readonly Word[], context: Context): Step[] {
  const [first] = piece.segments;
  switch (first?.type) {
    case 'thin-pool':
      return thinPool(name, piece, first, settings, context);
    case 'cache':
    case 'writecache':
      return cached(name, piece, first, settings, context);
    case 'cache-pool':
      return cachePool(name, piece, first, settings, context);
    case undefined:
    default:
      return leafSteps(name, piece, settings, context);
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
  if (origin === undefined) {
    const from = pool.kind === 'lv' ? pool.name : '';
    const own = [...option('--virtualsize', bytes(sizeBytes)), ...option('--thinpool', from)];
    return command('lvcreate', ...option('--type', 'thin'), ...own, ...named(name, settingWords(volume)), group.name);
  }
  return command(
    'lvcreate',
    '--yes',
    '--snapshot',
    ...option('--name', name),
    ...tags.flatMap((tag) => option('--addtag', tag)),
    ...option('--setactivationskip', skipActivation ? 'y' : 'n'),
    '--ignoreactivationskip',
    `${group.name}/${origin}`,
  );
}

/** Of its data and its metadata, each where and as it was; by LVM alone where nobody knows. */
function thinPool(name: string, piece: Piece, first: Segment, settings: readonly Word[], context: Context): Step[] {
  const { volume, group, spare } = context;
  const own = [
    ...option('--chunksize', bytes(first.chunkBytes)),
    ...option('--zero', first.zero === undefined ? undefined : first.zero ? 'y' : 'n'),
    ...option('--discards', first.discards),
    ...option('--poolmetadataspare', spare ? 'y' : 'n'),
  ];
  const full = option('--errorwhenfull', volume.whenFull === 'error' ? 'y' : undefined);
  const path = `${group.name}/${name}`;
  return [
    ...poolSteps(name, piece, first, 'tmeta', ['thin-pool', own], settings, context),
    ...(full.length === 0 ? [] : [join(command('lvchange', ...full, path))]),
  ];
}

function cachePool(name: string, piece: Piece, first: Segment, settings: readonly Word[], context: Context): Step[] {
  const own = [
    ...option('--chunksize', bytes(first.chunkBytes)),
    ...option('--cachemode', first.cacheMode),
    ...option('--poolmetadataspare', context.spare ? 'y' : 'n'),
  ];
  return poolSteps(name, piece, first, 'cmeta', ['cache-pool', own], settings, context);
}

function poolSteps(
  name: string,
  piece: Piece,
  first: Segment,
  suffix: string,
  [type, own]: readonly [string, readonly string[]],
  settings: readonly Word[],
  context: Context,
): Step[] {
  const { volume, group } = context;
  const data = partNamed(volume, innerName(first.areas[0]));
  const metadata = partNamed(volume, `${piece.name}_${suffix}`);
  if (data === undefined || metadata === undefined) {
    const sized = [...size(piece), ...option('--poolmetadatasize', bytes(volume.metadataBytes))];
    const words = [...option('--type', type), ...sized, ...own, ...named(name, settings), group.name];
    return [{ phase: 'find', command: command('lvcreate', ...words) }];
  }
  const under = metadataName(name);
  const words = [...option('--type', type), ...option('--poolmetadata', `${group.name}/${under}`), ...own];
  return [
    ...pieceSteps(name, { ...data, sizeBytes: piece.sizeBytes }, settings, context),
    ...pieceSteps(under, metadata, [], context),
    join(command('lvconvert', '--yes', ...words, `${group.name}/${name}`)),
  ];
}

/** What is slow, what is fast, and the one behind the other. */
function cached(name: string, piece: Piece, first: Segment, settings: readonly Word[], context: Context): Step[] {
  const { volume, group } = context;
  const slow = partNamed(volume, innerName(first.areas[0]));
  const fast = volume.parts?.find((part) => behindName.test(part.name));
  if (slow === undefined || fast === undefined) throw new Error(`${volume.id} does not tell what it is made of`);
  const before = frontName(fast.name);
  const isPool = isCachePool(fast);
  const isWrite = first.type === 'writecache';
  const words = [
    ...option('--type', first.type),
    ...option(isPool ? '--cachepool' : '--cachevol', `${group.name}/${before}`),
    ...option('--cachemode', first.cacheMode),
    ...option('--cachemetadataformat', first.cacheFormat),
    ...option('--chunksize', isPool ? undefined : bytes(first.chunkBytes)),
    ...option('--poolmetadatasize', isPool ? undefined : bytes(volume.metadataBytes)),
    ...option('--poolmetadataspare', isPool ? (context.spare ? 'y' : 'n') : undefined),
    ...option('--cachepolicy', first.cachePolicy),
    ...option('--cachesettings', first.cacheSettings?.replaceAll(',', ' ')),
  ];
  return [
    ...pieceSteps(name, { ...slow, sizeBytes: piece.sizeBytes }, settings, context),
    ...pieceSteps(before, fast, [], context),
    ...(isWrite ? [join(command('lvchange', ...option('--activate', 'n'), `${group.name}/${before}`))] : []),
    join(command('lvconvert', '--yes', ...words, `${group.name}/${name}`)),
  ];
}

/** What lvcreate takes no option for. */
export function changeCommands(volume: Lv, group: Vg, site: Site): Command[] {
  const { name, raid, noAutoActivation, allocationLocked, readOnly } = volume;
  const path = `${group.name}/${name}`;
  const rate = (value: number | undefined): string | undefined => (value === undefined ? undefined : `${value}k`);
  const options = [
    ...option('--writebehind', raid?.writeBehind),
    ...option('--minrecoveryrate', rate(raid?.minRecoveryKiB)),
    ...option('--maxrecoveryrate', rate(raid?.maxRecoveryKiB)),
    ...option('--setautoactivation', noAutoActivation === true ? 'n' : undefined),
    ...option('--contiguous', allocationLocked === true ? 'y' : undefined),
  ];
  const lagging = writeMostlyIds(volume, group).flatMap((id): Word[] => [
    '--writemostly',
    { device: only(site.get(id)), after: ':y' },
  ]);
  return [
    ...(lagging.length + options.length === 0 ? [] : [command('lvchange', ...lagging, ...options, path)]),
    ...(readOnly === true ? [command('lvchange', ...option('--permission', 'r'), path)] : []),
  ];
}
