/** Which disk takes the place of which: by what a disk is, then by where it is plugged in and what it looks like; never by its name. */
import type { ComponentOf } from '../types.ts';

export type Disk = ComponentOf<'disk'>;

/** A disk that is there, and whether a plan may write to it without being told to. */
export interface Candidate {
  readonly disk: Disk;
  /** Nothing at all is on it. */
  readonly blank: boolean;
  /** Why it is never taken unless a person names it: it is in use, holds the repository, is read-only or can be pulled out. */
  readonly barred?: string;
}

/**
 * How sure it is that a disk is the right one:
 *
 * - `same`: it is the very disk, by serial number or WWN;
 * - `named`: a person said so;
 * - `equivalent`: whichever of the disks that could be taken is taken, the result is the same;
 * - `only`: no other could be taken; whether it is meant to be nobody has said;
 * - `likely`: it is the one that is most alike, and somebody has to agree to it.
 */
export type Certainty = 'same' | 'named' | 'equivalent' | 'only' | 'likely';

export interface Match {
  /** Id of the disk as it was captured. */
  readonly from: string;
  /** Id of the disk that is there. */
  readonly to: string;
  readonly certainty: Certainty;
  /** The higher the more alike; comparable within one matching only. */
  readonly score: number;
  /** In words: `same serial number`, `same size`. */
  readonly reasons: readonly string[];
}

export interface Matching {
  readonly matches: readonly Match[];
  /** Ids of disks as captured for which there is none. */
  readonly unmatched: readonly string[];
}

export interface MatchOptions {
  /** What a person said: disks that are there, by those that were. */
  readonly named?: ReadonlyMap<string, string>;
  /** Whether what stood on a disk may fit: one of which that is not so is the last that is taken. @default where the new one is no smaller */
  readonly fits?: (from: Disk, to: Disk) => boolean;
  /** Ids of disks on which something stays: each is its own. */
  readonly stays?: ReadonlySet<string>;
}

/**
 * A disk for each that was captured, where there is one.
 *
 * Who is named comes first, then the same disks, then those that are most alike, as long as each is the best for the other.
 */
export function matchDisks(
  wanted: readonly Disk[],
  candidates: readonly Candidate[],
  { named = new Map(), fits = (from, to) => to.sizeBytes >= from.sizeBytes, stays = new Set() }: MatchOptions = {},
): Matching {
  const matches: Match[] = [];
  const left = new Map(wanted.map((disk) => [disk.id, disk]));
  const free = new Map(candidates.map((candidate) => [candidate.disk.id, candidate]));
  const take = (from: Disk, to: Disk, certainty: Certainty): void => {
    matches.push({ from: from.id, to: to.id, certainty, ...likeness(from, to) });
    left.delete(from.id);
    free.delete(to.id);
  };
  for (const disk of wanted) {
    const own = stays.has(disk.id) ? free.get(disk.id) : undefined;
    if (own !== undefined) take(disk, own.disk, 'same');
  }
  for (const disk of left.values()) {
    const candidate = free.get(named.get(disk.id) ?? '');
    if (candidate !== undefined) take(disk, candidate.disk, 'named');
  }
  for (const disk of left.values()) {
    const same = [...free.values()].filter((candidate) => isSame(disk, candidate.disk));
    // Two with one serial number, as some bridges have: which of them it is nobody can tell.
    if (same.length === 1 && same[0] !== undefined) take(disk, same[0].disk, 'same');
  }
  const open = [...free.values()].filter(({ blank, barred }) => blank && barred === undefined).map(({ disk }) => disk);
  const others = [...left.values()];
  const choicesOf = assignable(others, open, fits);
  for (const { from, to } of byLikeness(others, open, fits)) {
    if (!left.has(from.id) || !free.has(to.id)) continue;
    // As it was before the first of them was chosen: what a guess leaves over is a guess.
    take(from, to, certaintyOf(to, choicesOf(from)));
  }
  const order = new Map(wanted.map(({ id }, index) => [id, index]));
  matches.sort((a, b) => (order.get(a.from) ?? 0) - (order.get(b.from) ?? 0));
  return { matches, unmatched: [...left.keys()] };
}

function certaintyOf(to: Disk, choices: readonly Disk[] | undefined): Certainty {
  if (choices?.includes(to) !== true || !choices.every((one) => isLike(one, to))) return 'likely';
  return choices.length === 1 ? 'only' : 'equivalent';
}

/** It is the very disk, by what its maker wrote into it. */
export function isSame(a: Disk, b: Disk): boolean {
  const differs = (one: string | undefined, other: string | undefined) =>
    one !== undefined && other !== undefined && one !== other;
  if (differs(a.serial, b.serial) || differs(a.wwn, b.wwn)) return false;
  return (a.serial !== undefined && a.serial === b.serial) || (a.wwn !== undefined && a.wwn === b.wwn);
}

/** What is compared of two disks that are not the same one, and what it counts. */
const traits: readonly { readonly words: string; readonly weight: number; readonly of: (disk: Disk) => unknown }[] = [
  { words: 'plugged in at the same place', weight: 32, of: ({ busPath }) => busPath },
  { words: 'same model', weight: 16, of: ({ vendor, model }) => model && `${vendor ?? ''} ${model}` },
  { words: 'same size', weight: 16, of: ({ sizeBytes }) => sizeBytes },
  { words: 'same kind of bus', weight: 4, of: ({ transport }) => transport },
  { words: 'same kind of medium', weight: 2, of: ({ rotational }) => rotational },
  { words: 'same sector size', weight: 2, of: ({ logicalSector }) => logicalSector },
];

function likeness(from: Disk, to: Disk): Pick<Match, 'score' | 'reasons'> {
  const alike = traits.filter(({ of }) => of(from) !== undefined && of(from) === of(to));
  const score = alike.reduce((total, { weight }) => total + weight, 0);
  const reasons = alike.map(({ words }) => words);
  if (!isSame(from, to)) return { score, reasons };
  return {
    score: score + 128,
    reasons: [from.serial !== undefined && from.serial === to.serial ? 'same serial number' : 'same WWN', ...reasons],
  };
}

/**
 * The disks that could be taken for one. Where there is one of its very size for each, only assignments in which each keeps its size are
 * looked at: among those it makes no difference which of two equal disks is taken. Where there are too few, none is sure.
 */
function assignable(
  wanted: readonly Disk[],
  open: readonly Disk[],
  fits: (from: Disk, to: Disk) => boolean,
): (from: Disk) => readonly Disk[] | undefined {
  const count = (disks: readonly Disk[], size: number): number =>
    disks.filter(({ sizeBytes }) => sizeBytes === size).length;
  const isExact = wanted.every(({ sizeBytes }) => count(open, sizeBytes) >= count(wanted, sizeBytes));
  return (from) => {
    if (wanted.length > open.length) return undefined;
    return open.filter((to) => (isExact ? to.sizeBytes === from.sizeBytes : fits(from, to)));
  };
}

/** All pairs: those that may fit before those that hardly do, and the most alike first; of these, those that are no smaller, and the nearest in size. */
function byLikeness(
  wanted: readonly Disk[],
  open: readonly Disk[],
  fits: (from: Disk, to: Disk) => boolean,
): readonly { readonly from: Disk; readonly to: Disk }[] {
  return wanted
    .flatMap((from) => open.map((to) => ({ from, to, fits: fits(from, to), score: likeness(from, to).score })))
    .sort(
      (a, b) =>
        Number(b.fits) - Number(a.fits) ||
        b.score - a.score ||
        Number(isSmaller(a)) - Number(isSmaller(b)) ||
        Math.abs(a.to.sizeBytes - a.from.sizeBytes) - Math.abs(b.to.sizeBytes - b.from.sizeBytes) ||
        compare(a.from.id, b.from.id) ||
        compare(a.to.id, b.to.id),
    );
}

const isSmaller = ({ from, to }: { readonly from: Disk; readonly to: Disk }): boolean => to.sizeBytes < from.sizeBytes;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Whether it makes no difference which of the two is taken: where they are plugged in is none. */
function isLike(a: Disk, b: Disk): boolean {
  return traits.every(({ of }, index) => index === 0 || of(a) === of(b));
}
