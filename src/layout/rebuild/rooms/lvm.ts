/** LVM: a group gathers extents on physical volumes and hands them out to logical ones. */
import type { ComponentOf } from '../../types.ts';
import { type Below, divided, type Need, plainRoom, type Room, roundDown, roundUp, sum } from '../room.ts';

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
    const extents = sum(given.map(({ bytes }) => Math.floor(bytes / extent)));
    const room = extents * extent - (group.metadataSpareBytes ?? 0);
    const needs = above.map(({ need }) => need);
    const sizes = divided(room, needs, extent);
    if (sizes === undefined) throw new Error(`the group ${group.name} is too small for its volumes`);
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
    const factor = consumption(volume);
    const usual = volume.sizeBytes * factor;
    const grows = above.some(({ need }) => need.grows);
    if (above.length === 0) return [{ least: usual, usual, grows }];
    const carried = above.map(({ need }) => need.least);
    // A pool may have promised more than it has: what it held did fit.
    const least = isPool(volume) ? Math.min(volume.sizeBytes, sum(carried) * 1.1) : Math.max(...carried);
    return [{ least: least * factor, usual: Math.max(usual, least * factor), grows }];
  },
  most: (volume, [limit = 0], above) => above.map(() => limit / consumption(volume)),
  fitted(volume, [share = { bytes: 0 }], above) {
    const sizeBytes = roundDown(share.bytes / consumption(volume), unitOf(volume));
    // Where its extents lay says nothing on other physical volumes.
    const segments = volume.segments.map((segment) => ({ ...segment, areas: [] }));
    const { parts: _, ...rest } = volume;
    return { component: { ...rest, segments, sizeBytes }, left: above.map(() => ({ bytes: sizeBytes })) };
  },
};

export const lvRoom: Room<Lv> = {
  needs: (volume, ...rest) => roomOf(volume).needs(volume, ...rest),
  most: (volume, ...rest) => roomOf(volume).most(volume, ...rest),
  fitted: (volume, ...rest) => roomOf(volume).fitted(volume, ...rest),
};

const roomOf = ({ segments: [first] }: Lv): Room<Lv> => (first?.type === 'thin' ? thinRoom : thickRoom);
const isPool = ({ layout }: Lv): boolean => layout?.includes('pool') === true;

/** Whole extents, as many as it has data legs. */
function unitOf({ sizeBytes, segments: [first, ...rest] }: Lv): number {
  const extents = sum([first, ...rest].map((segment) => segment?.extents ?? 0));
  if (extents === 0) return 512;
  return (sizeBytes / extents) * (first?.dataStripes ?? first?.stripes ?? 1);
}

/** How many bytes of its group one byte of it takes: its images, parity and metadata counted. */
function consumption(volume: Lv): number {
  const own = sum(volume.segments.map(({ extents }) => extents));
  const pieces = [...volume.segments, ...(volume.parts ?? []).flatMap(({ segments }) => segments)];
  const taken = sum(pieces.flatMap(({ areas, metadataAreas = [] }) => [...areas, ...metadataAreas].map(extentsOn)));
  return own === 0 || taken === 0 ? 1 : Math.max(1, taken / own);
}

/** `pv:<UUID>:0-39` → 40; what lies on an inner volume is counted there. */
function extentsOn(area: string): number {
  const [, first, last] = /^pv:[^:]*:(\d+)-(\d+)$/.exec(area) ?? [];
  return first === undefined || last === undefined ? 0 : Number(last) - Number(first) + 1;
}
