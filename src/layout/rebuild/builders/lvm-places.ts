/** Where on its group a volume of LVM lay: who put it on the fast disks wants it there. */
import type { Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { device, only, type Site } from '../builder.ts';

type Lv = ComponentOf<'lv'>;
type Vg = ComponentOf<'vg'>;
type Segment = Lv['segments'][number];

/** A volume, or an inner one that it is made of. */
export type Piece = Pick<Lv, 'name' | 'sizeBytes' | 'segments' | 'tags' | 'allocation' | 'raid'> & {
  readonly writeMostly?: true;
};

const placePattern = /^(pv:[^:]*):(\d+)-(\d+)$/;

/** A part of a volume by its name, as areas name it. */
export function partNamed({ parts = [] }: Lv, name: string | undefined): Piece | undefined {
  return parts.find((part) => part.name === name);
}

/** The inner volume on which a segment lies: `home_rimage_0:0-7`. */
export const innerName = (area: string | undefined): string | undefined =>
  /^(?!pv:)(.*):\d+-\d+$/.exec(area ?? '')?.[1];

/** All areas of a piece, through the inner volumes that it lies on. */
function areasUnder(piece: Piece, volume: Lv): string[] {
  const areas = piece.segments.flatMap((one) => [...one.areas, ...(one.metadataAreas ?? [])]);
  return areas.flatMap((area) => {
    const inner = partNamed(volume, innerName(area));
    return inner === undefined ? [area] : areasUnder(inner, volume);
  });
}

/** The physical volumes that it lay on; none where one of them is not there any more, and LVM has to choose. */
export function placeWords(piece: Piece, volume: Lv, group: Vg, site: Site): Word[] {
  // No area names the log of a mirror.
  const log = partNamed(volume, `${piece.name}_mlog`);
  const areas = [piece, ...(log === undefined ? [] : [log])].flatMap((one) => areasUnder(one, volume));
  const places = new Set(areas.flatMap((area) => placePattern.exec(area)?.[1] ?? []));
  if (![...places].every((id) => group.on.includes(id))) return [];
  return [...places].map((id) => device(only(site.get(id))));
}

/** The very extents that a segment had; nothing where it lay on anything but extents of this group. */
export function exactWords({ areas }: Segment, group: Vg, site: Site): Word[] | undefined {
  if (areas.length === 0) return undefined;
  const words: Word[] = [];
  for (const area of areas) {
    const [, id, first, last] = placePattern.exec(area) ?? [];
    if (id === undefined || !group.on.includes(id)) return undefined;
    words.push({ device: only(site.get(id)), after: `:${first}-${last}` });
  }
  return words;
}

/** Which of them are read only where there is no other, by what they lie on. */
export function writeMostlyIds(volume: Lv, group: Vg): string[] {
  const images = (volume.parts ?? []).filter(({ writeMostly }) => writeMostly === true);
  const places = images.flatMap((image) =>
    areasUnder(image, volume).flatMap((area) => placePattern.exec(area)?.[1] ?? []),
  );
  return [...new Set(places)].filter((id) => group.on.includes(id));
}

/** The first extent of a volume on each physical volume that it or a part of it lies on. */
export function firstExtents({ segments, parts = [] }: Lv): ReadonlyMap<string, number> {
  const firsts = new Map<string, number>();
  for (const area of [...segments, ...parts.flatMap((part) => part.segments)].flatMap(({ areas }) => areas)) {
    const [, id, first] = placePattern.exec(area) ?? [];
    if (id !== undefined) firsts.set(id, Math.min(Number(first), firsts.get(id) ?? Number.POSITIVE_INFINITY));
  }
  return firsts;
}

/** Each after all that lay before it on one of its disks: LVM, which takes the first room that there is, then puts them where they were. */
export function inOrderOfPlaces(volumes: readonly Lv[]): Lv[] {
  const waiting = volumes.map((volume) => ({ volume, firsts: firstExtents(volume) }));
  const order: Lv[] = [];
  while (waiting.length > 0) {
    const isBefore = (other: ReadonlyMap<string, number>, firsts: ReadonlyMap<string, number>): boolean =>
      [...firsts].some(([id, first]) => (other.get(id) ?? Number.POSITIVE_INFINITY) < first);
    const next = waiting.findIndex(({ firsts }) => !waiting.some((other) => isBefore(other.firsts, firsts)));
    // Where each lies before another on some disk, no order gives all of them their places.
    order.push(...waiting.splice(Math.max(0, next), 1).map(({ volume }) => volume));
  }
  return order;
}
