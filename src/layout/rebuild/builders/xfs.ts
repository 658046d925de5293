/** XFS. */
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { type Builder, command, device, only, option } from '../builder.ts';
import { roundDown } from '../room.ts';
import { made, mkfsLimitMs, renewedOn, sectorsNote, suboptions, unread } from './mkfs.ts';

type Xfs = ComponentOf<'xfs'>;
type Geometry = NonNullable<Xfs['geometry']>;

export const xfsBuilder: Builder<Xfs> = {
  onSectors(component, sectorBytes) {
    const { geometry } = component;
    if (geometry === undefined || geometry.blockSize < sectorBytes || geometry.directoryBlockSize < sectorBytes) {
      return renewedOn(component, geometry?.blockSize, sectorBytes);
    }
    const { sectorSize } = geometry;
    if (sectorSize >= sectorBytes) return undefined;
    // mkfs.xfs aligns the log to a block where sectors are not those of old.
    const stripeUnit = Math.max(1, geometry.log.stripeUnit ?? 0);
    const log = { ...geometry.log, sectorSize: sectorBytes, stripeUnit };
    const note = sectorsNote(sectorSize, sectorBytes);
    return { component: { ...component, geometry: { ...geometry, sectorSize: sectorBytes, log } }, note };
  },
  problem(component) {
    const { geometry } = component;
    if (geometry?.log.external === true) return 'its log lies on another device';
    if (geometry?.realtime !== undefined) return 'it has a real-time section on another device';
    return unread(component);
  },
  create(component) {
    const { geometry, uuid, label } = component;
    const plain = ['-q', '-f', '-K', ...option('-L', label)];
    const at = device(only(component));
    if (geometry === undefined)
      return made(component, [command('mkfs.xfs', ...plain, ...option('-m', ofUuid(uuid)), at)]);
    return made(component, [
      allowed(component, geometry, withoutNewer(geometry, [...plain, ...words(component, geometry), at])),
    ]);
  },
  compared(component, isResized) {
    const { geometry } = component;
    if (geometry === undefined) return component;
    // Those that are off are as many as the tools know of.
    const known = { ...geometry, absentFeatures: [] };
    if (!isResized) return { ...component, geometry: known };
    // What mkfs.xfs makes of another size.
    const log = { ...geometry.log, blockCount: 0 };
    const sizeBytes = roundDown(component.sizeBytes, geometry.blockSize);
    return { ...component, sizeBytes, geometry: { ...known, blockCount: 0, groupCount: 0, groupSize: 0, log } };
  },
};

const ofUuid = (uuid: string | undefined): string | undefined => (uuid === undefined ? undefined : `uuid=${uuid}`);

function words({ uuid, sizeBytes }: Xfs, geometry: Geometry): string[] {
  const { blockSize, blockCount, sectorSize, features, absentFeatures, log, stripeUnit, stripeWidth } = geometry;
  const isOld = !features.includes('crc');
  const isResized = Math.floor(sizeBytes / blockSize) !== blockCount;
  const inSectors = (blocks: number): number => blocks * (blockSize / 512);
  // Whether those of later tools are off is said only to tools that know of them.
  const is = (name: string): number | undefined =>
    features.includes(name) ? 1 : absentFeatures.includes(name) && newer[name] === undefined ? 0 : undefined;
  const all = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, is(name)]));
  const directory = suboptions({
    size: geometry.directoryBlockSize,
    version: features.includes('ascii-ci') ? 'ci' : undefined,
    ...all('ftype', 'parent'),
  });
  return [
    ...option('-b', `size=${blockSize}`),
    ...option('-s', `size=${sectorSize}`),
    ...option(
      '-m',
      suboptions({ uuid, ...all('crc', 'finobt', 'rmapbt', 'reflink', 'bigtime', 'inobtcount', 'metadir') }),
    ),
    ...option(
      '-i',
      suboptions({
        size: geometry.inodeSize,
        maxpct: geometry.inodePercent,
        ...all('sparse', 'nrext64', 'exchange', ...(isOld ? ['projid32bit'] : [])),
      }),
    ),
    ...option('-n', directory),
    ...option(
      '-d',
      suboptions({
        size: sizeBytes,
        agsize: isResized ? undefined : geometry.groupSize * blockSize,
        sunit: inSectors(stripeUnit),
        swidth: inSectors(stripeWidth),
      }),
    ),
    ...option(
      '-l',
      suboptions({
        size: isResized ? undefined : `${log.blockCount}b`,
        version: log.version,
        sectsize: log.sectorSize === sectorSize ? undefined : log.sectorSize,
        sunit: log.stripeUnit === undefined || log.stripeUnit === 0 ? undefined : inSectors(log.stripeUnit),
        ...(isOld ? all('lazy-count') : {}),
      }),
    ),
  ];
}

/** What later tools do by themselves, with the option by which they are told not to. */
const newer: Readonly<Record<string, string>> = {
  bigtime: '-m',
  inobtcount: '-m',
  metadir: '-m',
  nrext64: '-i',
  exchange: '-i',
  parent: '-n',
};

/** What it has not is turned off where mkfs.xfs knows of it: tools that are older than those that it was captured with do not, later ones do it anyway. */
function withoutNewer({ features }: Geometry, argv: readonly Word[]): Command {
  const pairs = Object.entries(newer).flatMap(([name, by]) => (features.includes(name) ? [] : [by, name]));
  return { argv: ['sh', '-euc', offWhereKnown, 'mkfs.xfs', ...pairs, '--', ...argv], timeoutMs: mkfsLimitMs };
}

const offWhereKnown = `
usage=$(mkfs.xfs 2>&1 || true)
while [ "$1" != -- ]; do
  case $usage in *"$2=0|1"*) set -- "$@" "$1" "$2=0" ;; esac
  shift 2
done
shift
exec mkfs.xfs "$@"
`;

/** What mkfs.xfs makes today only for tests of itself: small ones, and logs as small as they used to be. */
function allowed({ sizeBytes }: Xfs, { blockSize, log, groupCount }: Geometry, { argv, ...rest }: Command): Command {
  const isUsual = sizeBytes >= 300 << 20 && log.blockCount * blockSize >= 64 << 20 && groupCount > 1;
  return isUsual ? { argv, ...rest } : { argv: ['env', 'TEST_DIR=/', 'TEST_DEV=/', 'QA_CHECK_FS=1', ...argv], ...rest };
}
