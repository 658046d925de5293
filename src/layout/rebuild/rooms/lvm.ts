/** LVM: a group gathers extents on physical volumes and hands them out to logical ones. */
import { LifeboatError } from '../../../kernel/errors.ts';
import { present } from '../../../kernel/present.ts';
import type { ComponentOf } from '../../types.ts';
import { type Above, type Below, divided, type Need, plainRoom, type Room, roundDown, roundUp, sum } from '../room.ts';

type Pv = ComponentOf<'pv'>;
type Vg = ComponentOf<'vg'>;
type Lv = ComponentOf<'lv'>;

const mebibyte = 1 << 20;
const defaultExtent = 4 * mebibyte;

/** Where its extents begin, and what may lie behind them: the second copy of the metadata. */
function pvOverhead({ startBytes = mebibyte, metadata, bootloaderArea }: Pv): number {
  const second = metadata?.copies === 2 ? roundUp(metadata.sizeBytes, mebibyte) : 0;
  return Math.max(startBytes, (bootloaderArea?.startBytes ?? 0) + (bootloaderArea?.sizeBytes ?? 0)) + second;
}

/** Bytes that its group has of it. */
export const offeredBy = (volume: Pv): number => volume.sizeBytes - pvOverhead(volume);

export const pvRoom = plainRoom<Pv>({
  sizeBytes: ({ sizeBytes }) => sizeBytes,
  overhead: pvOverhead,
  resized(component, { bytes }) {
    const { extents: _, ...rest } = component;
    return { ...rest, sizeBytes: bytes };
  },
});

export const vgRoom: Room<Vg, Lv> = {
  needs(group, above, below) {
    const extent = group.extentBytes ?? defaultExtent;
    const least = sum(above.map(({ need }) => roundUp(need.least, extent))) + (group.metadataSpareBytes ?? 0);
    const grows = above.some(({ need }) => need.grows);
    const [one, ...others] = group.on;
    if (below === undefined) {
      const usual = Math.max(least, group.sizeBytes ?? 0);
      if (one !== undefined && others.length === 0) return [{ least, usual, grows }];
      return group.on.map(() => ({ least: 0, usual: 0, grows }));
    }
    return spread(least, below, extent).map(
      (bytes, index): Need => ({ least: bytes, usual: Math.max(bytes, below[index]?.gave ?? 0), grows }),
    );
  },
  most(group, limits, above) {
    const extent = group.extentBytes ?? defaultExtent;
    const all = sum(limits.map((limit) => roundDown(limit, extent)));
    const least = sum(above.map(({ need }) => roundUp(need.least, extent)));
    return above.map(({ need }) => Math.max(0, all - least + roundUp(need.least, extent)));
  },
  fitted(group, given, above) {
    const extent = group.extentBytes ?? defaultExtent;
    const free = given.map(({ bytes }) => Math.floor(bytes / extent));
    const extents = sum(free);
    const sizes = placeable(group, above, free);
    return {
      component: { ...group, extents, sizeBytes: extents * extent },
      left: sizes.map((bytes) => ({ bytes })),
    };
  },
};

/**
 * In whole extents: from each the same part of what it gave before, as long as that is enough; then of what it can give beyond. What
 * none of them has room for is asked of the first, so that somebody hears of it.
 */
function spread(bytes: number, below: readonly Below[], extent: number): number[] {
  const limits = below.map(({ limit }) => roundDown(Math.max(0, limit), extent));
  const before = below.map(({ gave }, index) => Math.min(limits[index] ?? 0, roundDown(gave, extent)));
  const first = parts(Math.min(bytes, sum(before)), before, extent);
  const beyond = limits.map((limit, index) => limit - (first[index] ?? 0));
  const second = parts(bytes - sum(first), beyond, extent);
  const lack = roundUp(Math.max(0, bytes - sum(first) - sum(second)), extent);
  return first.map((share, index) => share + (second[index] ?? 0) + (index === 0 ? lack : 0));
}

/** In proportion to the most that each may have; together no less than `bytes` where they can, and no whole extent more. */
function parts(bytes: number, most: readonly number[], extent: number): number[] {
  if (bytes <= 0) return most.map(() => 0);
  const part = Math.min(1, bytes / Math.max(1, sum(most)));
  const shares = most.map((limit) => Math.min(limit, roundUp(limit * part, extent)));
  let over = sum(shares) - roundUp(bytes, extent);
  return shares.map((share) => {
    const back = Math.max(0, Math.min(share, roundDown(over, extent)));
    over -= back;
    return share - back;
  });
}

/**
 * What each volume gets: as much as there is, or less, where the parts of one that have to be on different physical volumes would not
 * find room there.
 */
function placeable(group: Vg, above: readonly Above<Lv>[], free: readonly number[]): readonly number[] {
  const extent = group.extentBytes ?? defaultExtent;
  const room = sum(free) * extent - (group.metadataSpareBytes ?? 0);
  const needs = above.map(({ need }) => need);
  const legs = (sizes: readonly number[]): Leg[] => [
    { count: 1, extents: Math.ceil((group.metadataSpareBytes ?? 0) / extent) },
    ...above.flatMap(({ component }, index) => legsOf(component, sizes[index] ?? 0, extent)),
  ];
  const sizesFor = (bytes: number): readonly number[] | undefined => {
    const sizes = divided(bytes, needs, extent);
    return sizes !== undefined && arePlaced(legs(sizes), free) ? sizes : undefined;
  };
  const all = sizesFor(room);
  if (all !== undefined) return all;
  let [fits, most] = [sum(needs.map(({ least }) => roundUp(least, extent))), room];
  let sizes = sizesFor(fits);
  if (sizes === undefined) {
    throw new LifeboatError(
      'no-space',
      `the volume group ${group.name} has no room for its volumes where they would be`,
      {
        hint: 'A volume of which parts are on several disks needs as much on each: take disks of more equal size, or leave something out with --exclude.',
      },
    );
  }
  while (most - fits > extent) {
    const between = roundUp((fits + most) / 2, extent);
    const found = sizesFor(between);
    if (found === undefined) most = between;
    else [fits, sizes] = [between, found];
  }
  return sizes;
}

/** Areas of a volume, each on another physical volume; a single one may be in pieces. */
interface Leg {
  readonly count: number;
  readonly extents: number;
}

function legsOf(volume: Lv, share: number, extent: number): Leg[] {
  const [first] = volume.segments;
  const metadata = volume.metadataBytes ?? 0;
  const own = roundDown((share - fixedBytes(volume)) / consumption(volume), unitOf(volume)) / extent;
  const count = first?.type === 'thin-pool' ? 1 : (first?.stripes ?? 1);
  const each = Math.ceil(own / (first?.dataStripes ?? (first?.type === 'striped' ? count : 1)));
  // Each image of a RAID has an extent for what is known of it.
  const beside = first?.metadataAreas === undefined ? 0 : 1;
  return [
    { count, extents: each + beside },
    ...(metadata === 0 ? [] : [{ count: 1, extents: Math.ceil(metadata / extent) }]),
  ];
}

/** As lvcreate(8) would: where there is most room. */
function arePlaced(legs: readonly Leg[], free: readonly number[]): boolean {
  const left = [...free];
  const largest = (): number[] => left.map((_, index) => index).sort((a, b) => (left[b] ?? 0) - (left[a] ?? 0));
  // What has to be on several disks is made before what may be anywhere.
  const order = legs.toSorted((a, b) => Number(b.count > 1) - Number(a.count > 1));
  return order.every(({ count, extents }) => {
    if (count > 1) {
      const chosen = largest().slice(0, count);
      for (const index of chosen) left[index] = (left[index] ?? 0) - extents;
      return chosen.length === count && chosen.every((index) => (left[index] ?? 0) >= 0);
    }
    let rest = extents;
    for (const index of largest()) {
      const own = Math.min(rest, left[index] ?? 0);
      left[index] = (left[index] ?? 0) - own;
      rest -= own;
    }
    return rest === 0;
  });
}

/** A thin volume promises what it promised; how much of that its pool has is another thing. */
const thinRoom: Room<Lv> = {
  needs({ sizeBytes }, above) {
    const least = above.length === 0 ? sizeBytes : Math.min(sizeBytes, ...above.map(({ need }) => need.least));
    return [{ least, usual: least, grows: false }];
  },
  most: ({ sizeBytes }, _, above) => above.map(() => sizeBytes),
  fitted: (component, _, above) => ({ component, left: above.map(() => ({ bytes: component.sizeBytes })) }),
};

const thickRoom: Room<Lv> = {
  needs(volume, above) {
    const taken = (bytes: number): number => roundUp(bytes, unitOf(volume)) * consumption(volume) + fixedBytes(volume);
    const usual = taken(volume.sizeBytes);
    const grows = above.some(({ need }) => need.grows);
    if (above.length === 0) return [{ least: usual, usual, grows }];
    const carried = above.map(({ need }) => need.least);
    // A pool may have promised more than it has: what it held did fit.
    const least = isPool(volume) ? Math.min(volume.sizeBytes, sum(carried) * 1.1) : Math.max(...carried);
    return [{ least: taken(least), usual: Math.max(usual, taken(least)), grows }];
  },
  most: (volume, [limit = 0], above) => above.map(() => (limit - fixedBytes(volume)) / consumption(volume)),
  fitted(volume, [share = { bytes: 0 }], above) {
    const sizeBytes = roundDown((share.bytes - fixedBytes(volume)) / consumption(volume), unitOf(volume));
    return { component: resized(volume, sizeBytes), left: above.map(() => ({ bytes: sizeBytes })) };
  },
};

/** What it is made of stays; where its extents lay says nothing on other physical volumes. */
function resized(volume: Lv, sizeBytes: number): Lv {
  const [first] = volume.segments;
  const extents = sizeBytes / extentOf(volume);
  const parts = volume.parts?.map((part) => ({ ...part, segments: part.segments.map(unplaced) }));
  return {
    ...volume,
    sizeBytes,
    segments: first === undefined ? [] : [{ ...unplaced(first), start: 0, extents }],
    ...present({ parts }),
  };
}

function unplaced(segment: Lv['segments'][number]): Lv['segments'][number] {
  const { metadataAreas: _, ...rest } = segment;
  return { ...rest, areas: rest.areas.filter((area) => !area.startsWith('pv:')) };
}

export const lvRoom: Room<Lv> = {
  needs: (volume, ...rest) => roomOf(volume).needs(volume, ...rest),
  most: (volume, ...rest) => roomOf(volume).most(volume, ...rest),
  fitted: (volume, ...rest) => roomOf(volume).fitted(volume, ...rest),
};

const roomOf = ({ segments: [first] }: Lv): Room<Lv> => (first?.type === 'thin' ? thinRoom : thickRoom);
const isPool = ({ layout }: Lv): boolean => layout?.includes('pool') === true;

/** Whole extents, as many as it has data legs. */
function unitOf(volume: Lv): number {
  const [first] = volume.segments;
  const isMirrored = first?.type === 'raid1' || first?.type === 'mirror';
  return extentOf(volume) * (first?.dataStripes ?? (isMirrored ? 1 : (first?.stripes ?? 1)));
}

function extentOf({ sizeBytes, segments }: Lv): number {
  const extents = sum(segments.map((segment) => segment.extents));
  return extents === 0 ? 512 : sizeBytes / extents;
}

/** Parts whose size does not follow from that of the volume: metadata of RAID, pools and caches, and logs. */
const fixedPart = /_(rmeta_\d+|[tc]meta|mlog)/;

/** Bytes of its group that it takes whatever its size is. */
function fixedBytes({ parts = [], ...volume }: Lv): number {
  return takenBy(parts.filter(({ name }) => fixedPart.test(name))) * extentOf(volume);
}

/** How many bytes of its group one byte of it takes besides: its images and parity counted. */
function consumption({ segments, parts = [] }: Lv): number {
  const own = sum(segments.map(({ extents }) => extents));
  const taken = takenBy([{ segments }, ...parts.filter(({ name }) => !fixedPart.test(name))]);
  return own === 0 || taken === 0 ? 1 : Math.max(1, taken / own);
}

/** Extents of physical volumes. */
function takenBy(pieces: readonly Pick<Lv, 'segments'>[]): number {
  const segments = pieces.flatMap((piece) => piece.segments);
  return sum(segments.flatMap(({ areas, metadataAreas = [] }) => [...areas, ...metadataAreas].map(extentsOn)));
}

/** `pv:<UUID>:0-39` → 40; what lies on an inner volume is counted there. */
function extentsOn(area: string): number {
  const [, first, last] = /^pv:[^:]*:(\d+)-(\d+)$/.exec(area) ?? [];
  return first === undefined || last === undefined ? 0 : Number(last) - Number(first) + 1;
}
