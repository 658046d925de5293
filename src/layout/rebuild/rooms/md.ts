/** Arrays of md: each member holds a part of the whole, as its level divides it. */
import type { ComponentOf } from '../../types.ts';
import { type Need, type Room, roundDown, roundUp, sum } from '../room.ts';

type Md = ComponentOf<'md'>;
type Geometry = NonNullable<Md['geometry']>;

export const mdRoom: Room<Md> = {
  needs(array, above) {
    const { geometry, on } = array;
    const own = array.sizeBytes ?? 0;
    if (geometry === undefined) return on.map(() => ({ least: own, usual: own, grows: false }));
    const least = above.length === 0 ? own : Math.min(own, Math.max(...above.map(({ need }) => need.least)));
    const parts = dataMembers(geometry);
    const each = (bytes: number, id: string): number =>
      roundUp(bytes / parts, unitOf(geometry)) + overhead(geometry, id, bytes / parts + unitOf(geometry));
    return on.map(
      (id): Need => ({
        least: each(least, id),
        usual: each(own, id),
        grows: above.some(({ need }) => need.grows),
      }),
    );
  },
  most(array, limits, above) {
    const size = sizeOn(array, limits);
    return above.map(() => size);
  },
  fitted(array, given, above) {
    const { geometry } = array;
    const sizeBytes = sizeOn(
      array,
      given.map(({ bytes }) => bytes),
    );
    const left = above.map(() => ({ bytes: sizeBytes }));
    if (geometry === undefined) return { component: array, left };
    // What was kept free on its members is chosen anew with their size; where mdadm would choose more, it is told.
    const { componentBytes: _, ...rest } = geometry;
    const told =
      geometry.metadata === '1.0' && !isSpread(geometry) ? { componentBytes: sizeBytes / dataMembers(geometry) } : {};
    return { component: { ...array, sizeBytes, geometry: { ...rest, ...told } }, left };
  },
};

const isSpread = ({ level }: Geometry): boolean => level === 'raid0' || level === 'linear';

function sizeOn({ geometry, on, sizeBytes = 0 }: Md, given: readonly number[]): number {
  if (geometry === undefined) return sizeBytes;
  const unit = unitOf(geometry);
  const rooms = given.map((bytes, index) =>
    roundDown(Math.max(0, bytes - overhead(geometry, on[index] ?? '', bytes)), unit),
  );
  return isSpread(geometry) ? sum(rooms) : roundDown(Math.min(...rooms) * dataMembers(geometry), unit);
}

/** How many members' worth of room it offers. */
function dataMembers({ level, raidDevices, layout }: Geometry): number {
  switch (level) {
    case 'raid1':
      return 1;
    case 'raid4':
    case 'raid5':
      return raidDevices - 1;
    case 'raid6':
      return raidDevices - 2;
    case 'raid10': {
      const copies = [...(layout ?? 'near=2').matchAll(/=(\d+)/g)].map(([, count]) => Number(count));
      return raidDevices / copies.reduce((product, count) => product * count, 1);
    }
    default:
      return raidDevices;
  }
}

const kibibyte = 1024;

function unitOf({ chunkBytes }: Geometry): number {
  return Math.max(64 * kibibyte, chunkBytes ?? 0);
}

/** Before the data; of metadata that lies at the end, there, with the room for a bitmap that mdadm(8) keeps on members of that size. */
function overhead({ metadata, members, level }: Geometry, on: string, bytes: number): number {
  if (metadata === '0.90') return 64 * kibibyte;
  if (metadata !== '1.0') return members.find((member) => member.on === on)?.dataOffsetBytes ?? 128 * 1024 * kibibyte;
  const superblock = 8 * kibibyte;
  if (level === 'raid0' || level === 'linear') return superblock;
  return superblock + (bytes > 200 * gibibyte ? 128 : bytes > 8 * gibibyte ? 64 : 4) * kibibyte;
}

const gibibyte = 2 ** 30;
