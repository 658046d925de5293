/** Links that nobody can make, what they are known by, and how links stand on one another. */
import type { Link, Network } from '../types.ts';

/** It is plugged in: hardware, real or of a virtual machine. */
export const isCard = ({ kind, busPath }: Link): boolean => busPath !== undefined || kind === 'ether';

/** Where a card is, with its port. */
export const slotOf = ({ busPath, port = 0 }: Link): string | undefined =>
  busPath === undefined ? undefined : `${busPath} port ${port}`;

/**
 * What a link is known by until the next start: never its name, which a plan may change. Without a MAC of its own and a place it is known by
 * the number that the kernel gave it.
 */
export const idOf = (link: Link): string => link.permanentMac ?? slotOf(link) ?? `index ${link.index}`;

/** Cards in the order of their places, as a person counts them. */
export function cardsOf({ links }: Pick<Network, 'links'>): readonly Link[] {
  return links.filter(isCard).toSorted((one, other) => inOrder(placeOf(one), placeOf(other)));
}

const placeOf = (link: Link): string => `${slotOf(link) ?? ''} ${link.name}`;

/** Numbers by their value. */
const inOrder = (one: string, other: string): number =>
  one.localeCompare(other, 'en', { numeric: true }) || (one < other ? -1 : one > other ? 1 : 0);

export const byName = (links: readonly Link[]): ReadonlyMap<string, Link> =>
  new Map(links.map((link) => [link.name, link]));

/** Names of those that it cannot be without: what it is a part of, and the other end of a pair, but no members. */
function standsOn({ name, lower = [], peer }: Link, links: ReadonlyMap<string, Link>): readonly string[] {
  const below = lower.filter((one) => links.get(one)?.master !== name);
  return peer === undefined ? below : [...below, peer];
}

/** These links, and all that cannot be without them. */
export function withAbove(names: Iterable<string>, links: readonly Link[]): ReadonlySet<string> {
  const known = byName(links);
  const found = new Set(names);
  // A set may grow while it is walked.
  for (const name of found) {
    for (const link of links) if (standsOn(link, known).includes(name)) found.add(link.name);
  }
  return found;
}

/** Each after those that it stands on and its members; otherwise in the order of the network. */
export function inOrderOfMaking(links: readonly Link[]): readonly Link[] {
  const known = byName(links);
  const order = new Set<Link>();
  const visit = (link: Link, above: readonly Link[]): void => {
    if (order.has(link) || above.includes(link)) return;
    for (const name of link.lower ?? []) {
      const lower = known.get(name);
      if (lower !== undefined) visit(lower, [...above, link]);
    }
    order.add(link);
  };
  for (const link of links) visit(link, []);
  return [...order];
}
