/** F2FS. */
import type { ComponentOf } from '../../types.ts';
import { type Builder, device, only, option } from '../builder.ts';
import { roundDown } from '../room.ts';
import { made, mkfsLimitMs, sectorsNote, unread } from './mkfs.ts';

type F2fs = ComponentOf<'f2fs'>;
type Geometry = NonNullable<F2fs['geometry']>;

export const f2fsBuilder: Builder<F2fs> = {
  onSectors(component, sectorBytes) {
    const { geometry } = component;
    if (geometry === undefined || geometry.sectorSize >= sectorBytes) return undefined;
    const note = sectorsNote(geometry.sectorSize, sectorBytes);
    return { component: { ...component, geometry: { ...geometry, sectorSize: sectorBytes } }, note };
  },
  problem(component) {
    const { geometry } = component;
    if (geometry?.devices !== undefined) return 'it lies on several devices, which it knows by their names';
    const other = geometry?.features.find((name) => name === 'blkzoned' || name === 'ro' || name.startsWith('bit '));
    return other === undefined ? unread(component) : `its feature ${other} is not made anew`;
  },
  create(component) {
    const { geometry, uuid, label, sizeBytes } = component;
    // What it lies on may be larger than it was.
    const sectors = geometry === undefined ? [] : [String(Math.floor(sizeBytes / geometry.sectorSize))];
    const own = geometry === undefined ? [] : words(geometry);
    const identity = [...option('-U', uuid), ...option('-l', label)];
    return made(component, [
      {
        argv: ['mkfs.f2fs', '-q', '-f', '-t', '0', ...own, ...identity, device(only(component)), ...sectors],
        timeoutMs: mkfsLimitMs,
      },
    ]);
  },
  compared(component, isResized) {
    const { geometry } = component;
    if (geometry === undefined) return component;
    // Each version of mkfs.f2fs adds its own extensions to those that it is given, and keeps segments back as it reckons best.
    const {
      coldExtensions: _cold,
      hotExtensions: _hot,
      reservedSegments: _reserved,
      overprovisionSegments: _over,
      ...rest
    } = geometry;
    const known = { ...rest, coldExtensions: [], hotExtensions: [] };
    if (!isResized) return { ...component, geometry: known };
    const sizeBytes = roundDown(component.sizeBytes, geometry.blockSize);
    return { ...component, sizeBytes, geometry: { ...known, blockCount: 0, mainSegments: 0 } };
  },
};

const listed = (names: readonly string[]): string | undefined => (names.length === 0 ? undefined : names.join(','));

function words(geometry: Geometry): string[] {
  const { features, encoding } = geometry;
  return [
    ...option('-w', geometry.sectorSize),
    ...option('-s', geometry.segmentsPerSection),
    ...option('-z', geometry.sectionsPerZone),
    ...option('-O', features.length === 0 ? undefined : features.join(',')),
    ...option('-C', encoding === undefined ? undefined : [encoding.name, ...encoding.flags].join(':')),
    ...option('-e', listed(geometry.coldExtensions)),
    ...option('-E', listed(geometry.hotExtensions)),
    ...(geometry.extendedNodeBitmap === true ? ['-i'] : []),
  ];
}
