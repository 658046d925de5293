/** What becomes of the links that are there: which get another name, which are made anew, and which are off for a moment. */
import { detailChanges } from '../diff-details.ts';
import { same } from '../compare.ts';
import type { Link, Network } from '../types.ts';
import type { PlannedCard } from './document.ts';
import { byName, isCard, withAbove } from './cards.ts';
import { differingSettings, settingsOf } from './settings.ts';

export interface Now {
  /** The link that is there for one that will be, under its old name and with everything that it has; none where it is to be made. */
  readonly of: (name: string) => Link | undefined;
  /** Links that are there, and have to go before others are made in their place: what stands on others first. */
  readonly removed: readonly Link[];
  /** New names of links that are there, by what they are called now. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Will be off at some time, so that routes and addresses are gone then. */
  readonly isOff: (name: string) => boolean;
  /** Links that are there and that nothing is done to. */
  readonly untouched: readonly Link[];
}

export function nowOf(before: Network, network: Network, cards: readonly PlannedCard[]): Now {
  const there = byName(before.links);
  const taken = new Map(cards.map(({ name, now }) => [name, now]));
  const kept = (link: Link): Link | undefined => {
    const found = there.get(taken.get(link.name) ?? link.name);
    if (found === undefined || taken.has(link.name) || link.kind === 'loopback') return found;
    return isCard(found) ? undefined : found;
  };
  const wrong = network.links.flatMap((link) => {
    const found = taken.has(link.name) ? undefined : kept(link);
    return found === undefined || isAsMade(found, link) ? [] : [found.name];
  });
  // What stands on a link that goes, goes with it.
  const gone = withAbove(wrong, before.links);
  const of = new Map(
    network.links.flatMap((link): [string, Link][] => {
      const found = kept(link);
      return found === undefined || gone.has(found.name) ? [] : [[link.name, found]];
    }),
  );
  const mine = new Set([...of.values()].map(({ name }) => name));
  const renamed = renamesOf(before, network, cards, new Set([...mine, ...gone]));
  const off = network.links.flatMap((link) => {
    const found = of.get(link.name);
    if (found === undefined) return [link.name];
    const changes = differingSettings(settingsOf(link), settingsOf(found));
    const isOff =
      renamed.has(found.name) ||
      changes.has('mac') ||
      changes.has('addrgenmode') ||
      found.master !== masterNow(link, taken);
    return isOff ? [link.name] : [];
  });
  const isOff = withAbove(off, network.links);
  const removed = before.links.filter(({ name }) => gone.has(name));
  return {
    of: (name) => of.get(name),
    // Made later, so it stands on those of before.
    removed: removed.toReversed(),
    renamed,
    isOff: (name) => isOff.has(name),
    untouched: before.links.filter((link) => !mine.has(link.name) && !gone.has(link.name) && !renamed.has(link.name)),
  };
}

/** Its master by the name that it has now. */
const masterNow = ({ master }: Link, taken: ReadonlyMap<string, string>): string | undefined =>
  master === undefined ? undefined : (taken.get(master) ?? master);

/** Whether what a link was made with is the same; what can be set afterwards is not looked at. */
function isAsMade(found: Link, link: Link): boolean {
  if (found.kind !== link.kind || found.peer !== link.peer) return false;
  const bare = ({ membership: _membership, ...rest }: Link): Link => rest;
  const below = ({ lower = [] }: Link): string[] => lower.toSorted();
  const isMaster = link.kind === 'bond' || link.kind === 'bridge' || link.kind === 'vrf' || link.kind === 'team';
  return (
    (isMaster || same(below(found), below(link))) &&
    detailChanges(bare(found), bare(link), false, () => false).length === 0
  );
}

/**
 * Cards get the names that they will have; who has one of these now, and is none of them, gets another.
 *
 * @param mine links that are of the plan, or go
 */
function renamesOf(
  before: Network,
  network: Network,
  cards: readonly PlannedCard[],
  mine: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const names = new Set([...before.links, ...network.links].map(({ name }) => name));
  const wanted = new Set(network.links.map(({ name }) => name));
  const found = new Map(cards.flatMap(({ now, name }): [string, string][] => (now === name ? [] : [[now, name]])));
  let count = 0;
  for (const link of before.links) {
    if (mine.has(link.name) || !wanted.has(link.name)) continue;
    while (names.has(`other${count}`)) count += 1;
    names.add(`other${count}`);
    found.set(link.name, `other${count}`);
  }
  return found;
}
