/** Which card takes the place of which: by its own MAC, then by its place, its driver, and the order of both; never by its name. */
import type { Link } from '../types.ts';
import { idOf, slotOf } from './cards.ts';

/**
 * How sure it is that a card is the right one:
 *
 * - `same`: it is the very card, by its permanent MAC;
 * - `named`: a person said so;
 * - `equivalent`: all cards that are left become members of the same, so whichever is taken, the result is the same;
 * - `likely`: it is the one that is most alike, and somebody has to agree to it.
 */
export const certainties = ['same', 'named', 'equivalent', 'likely'] as const;
export type Certainty = (typeof certainties)[number];

export interface Match {
  readonly from: Link;
  readonly to: Link;
  readonly certainty: Certainty;
  /** The higher the more alike; comparable within one matching only. */
  readonly score: number;
  /** In words: `same MAC`, `same driver`. */
  readonly reasons: readonly string[];
}

export interface Matching {
  readonly matches: readonly Match[];
  /** Cards as captured for which there is none. */
  readonly unmatched: readonly Link[];
}

/**
 * A card for each that was captured, where there is one.
 *
 * @param wanted in the order of their places, as `candidates` are
 * @param named what a person said: names of links that are there, by those that were
 */
export function matchCards(
  wanted: readonly Link[],
  candidates: readonly Link[],
  named: ReadonlyMap<string, string> = new Map(),
): Matching {
  const left = new Set(wanted);
  const free = new Set(candidates);
  const found = new Map<Link, Match>();
  const take = (from: Link, to: Link, certainty: Certainty): void => {
    found.set(from, { from, to, certainty, ...likeness(from, to) });
    left.delete(from);
    free.delete(to);
  };
  const spoken = new Set(named.values());
  for (const from of wanted) {
    const to = candidates.find(({ name }) => name === named.get(from.name));
    if (to !== undefined && free.has(to)) take(from, to, 'named');
  }
  for (const to of free) if (spoken.has(to.name)) free.delete(to);
  for (const from of left) {
    const same = [...free].filter((to) => isSame(from, to));
    const [only, ...others] = same;
    // Two with one MAC, as cheap cards have: which of them it is nobody can tell.
    if (only !== undefined && others.length === 0) take(from, only, 'same');
  }
  const open = [...free];
  const equivalent = areAlike([...left]) && left.size === open.length && sameOf(open, ({ driver }) => driver);
  for (const { from, to } of byLikeness([...left], open)) {
    if (left.has(from) && free.has(to)) take(from, to, equivalent ? 'equivalent' : 'likely');
  }
  return {
    matches: wanted.flatMap((from) => found.get(from) ?? []),
    unmatched: wanted.filter((from) => left.has(from)),
  };
}

const isSame = (from: Link, to: Link): boolean =>
  from.permanentMac !== undefined && from.permanentMac === to.permanentMac;

/** What is compared of two cards that are not the same one, and what it counts. */
const traits: readonly { readonly words: string; readonly weight: number; readonly of: (link: Link) => unknown }[] = [
  { words: 'plugged in at the same place', weight: 32, of: slotOf },
  { words: 'same driver', weight: 8, of: ({ driver }) => driver },
  { words: 'same speed', weight: 2, of: ({ speedMbit }) => speedMbit },
];

function likeness(from: Link, to: Link): Pick<Match, 'score' | 'reasons'> {
  const alike = traits.filter(({ of }) => of(from) !== undefined && of(from) === of(to));
  const score = alike.reduce((total, { weight }) => total + weight, isSame(from, to) ? 128 : 0);
  const reasons = [...(isSame(from, to) ? ['same MAC'] : []), ...alike.map(({ words }) => words)];
  return { score, reasons: reasons.length === 0 ? ['in the order of their places'] : reasons };
}

/** All pairs that could be: those that are most alike first, among equals in the order of their places. */
function byLikeness(wanted: readonly Link[], open: readonly Link[]) {
  return wanted
    .flatMap((from, rank) =>
      open
        .filter((to) => from.kind === to.kind && (from.wireless ?? false) === (to.wireless ?? false))
        .map((to, place) => ({ from, to, rank, place, score: likeness(from, to).score })),
    )
    .sort((a, b) => b.score - a.score || a.rank - b.rank || a.place - b.place);
}

/** All are members of one master in the same way, and nothing else. */
function areAlike(links: readonly Link[]): boolean {
  return (
    links.every(
      ({ master, addresses }) => master !== undefined && addresses.every(({ origin }) => origin === 'kernel'),
    ) && sameOf(links, ({ master, membership, mtu }) => JSON.stringify([master, membership, mtu]))
  );
}

const sameOf = (links: readonly Link[], of: (link: Link) => unknown): boolean => new Set(links.map(of)).size === 1;

/** What tells a person which card it is. */
export const cardTitle = (link: Link): string =>
  [link.name, idOf(link), slotOf(link), link.driver].filter((part) => part !== undefined).join('  ');
