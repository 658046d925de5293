/** What cards are told apart by in files of configuration, and which names they will have. */
import type { Link, Network } from '../../types.ts';
import { cardsOf, slotOf } from '../cards.ts';
import type { WrittenPlan } from '../document.ts';
import type { Match } from '../match.ts';
import type { Names } from './names.ts';

/** New values by old ones, of those that changed. */
export interface Identities {
  /** In lower case. */
  readonly macs: ReadonlyMap<string, string>;
  /** As udev writes places: `pci-0000:00:03.0`. */
  readonly paths: ReadonlyMap<string, string>;
  /** Several, where cards of one driver became cards of several. */
  readonly drivers: ReadonlyMap<string, readonly string[]>;
  readonly names: Names;
}

interface Named {
  readonly names: ReadonlyMap<string, string>;
  readonly notes: readonly string[];
}

/** Names that the kernel gives, in the order in which it finds cards. */
const kernelName = /^(?:eth|wlan|ib)(\d+)$/;
const predictableNames = [/^eno/, /^ens/, /^enp/, /^wlp/, /^wlo/, /^enx/];

/**
 * The name that each card has when the host starts: the one that a file of the host pins; of a card at the same place the one that it had; or
 * else the one that udev gives it. Names of the kernel stay names of the kernel.
 *
 * @param given names that udev gives, by those that cards have here
 */
export function namesThen(
  matches: readonly Match[],
  pinned: ReadonlySet<string>,
  found: Network,
  given: ReadonlyMap<string, string>,
): Named {
  const places = new Map(cardsOf(found).map(({ name }, index) => [name, index]));
  const notes: string[] = [];
  const names = matches.flatMap(({ from, to }): [string, string][] => {
    if (pinned.has(from.name)) return [[from.name, from.name]];
    const [prefix] = from.name.split(/\d/, 1);
    if (kernelName.test(from.name) && !kernelName.test(to.name)) {
      const name = `${prefix}${places.get(to.name) ?? 0}`;
      notes.push(
        `${from.name}: the host has the kernel name its cards; in the order of their places this one becomes ${name}`,
      );
      return [[from.name, name]];
    }
    if (kernelName.test(from.name)) return [[from.name, to.name]];
    if (slotOf(from) !== undefined && slotOf(from) === slotOf(to)) return [[from.name, from.name]];
    const own = byAddress(from, to) ?? given.get(to.name);
    if (own !== undefined) return [[from.name, own]];
    if (kernelName.test(to.name)) {
      const name = predictableNames.flatMap((kind) => to.alternativeNames?.find((one) => kind.test(one)) ?? [])[0];
      if (name !== undefined) return [[from.name, name]];
      notes.push(`${from.name}: which name the host gives to the card that is called ${to.name} here is not known`);
    }
    return [[from.name, to.name]];
  });
  for (const [was, name] of names) {
    const others = names.flatMap(([other, its]) => (its === name && other !== was ? [other] : []));
    if (others.length > 0)
      notes.push(`${was}: it would be called ${name} then, and so would ${others.join(', ')}: pin another name`);
  }
  return { names: new Map(names), notes };
}

/** A card that is called by its address, as Debian calls those on USB, has another name with another address. */
function byAddress(from: Link, to: Link): string | undefined {
  const [old, now] = [from, to].map(({ permanentMac }) => permanentMac?.toLowerCase().replaceAll(':', ''));
  return old !== undefined && now !== undefined && from.name.endsWith(`x${old}`)
    ? from.name.replace(old, now)
    : undefined;
}

export function identitiesOf(matches: readonly Match[], names: ReadonlyMap<string, string>): Identities {
  const pairs = (of: (link: Link) => string | undefined): Map<string, string> =>
    new Map(
      matches.flatMap(({ from, to }): [string, string][] => {
        const [old, now] = [of(from), of(to)];
        return old === undefined || now === undefined || old === now ? [] : [[old, now]];
      }),
    );
  const drivers = Map.groupBy(
    matches.filter(({ from, to }) => from.driver !== undefined && to.driver !== undefined),
    ({ from }) => from.driver ?? '',
  );
  return {
    macs: pairs(({ permanentMac }) => permanentMac?.toLowerCase()),
    paths: pairs(({ busPath }) => udevPath(busPath)),
    drivers: new Map(
      [...drivers].flatMap(([old, own]): [string, readonly string[]][] => {
        const now = [...new Set(own.flatMap(({ to }) => to.driver ?? []))];
        return now.length === 1 && now[0] === old ? [] : [[old, now]];
      }),
    ),
    names: new Map([...names].filter(([old, now]) => old !== now)),
  };
}

/** As `ID_PATH` of udev, for cards that are plugged into PCI themselves; others are told apart by their MAC. */
export function udevPath(busPath: string | undefined): string | undefined {
  const last = busPath?.split('/').at(-1) ?? '';
  return /^[\da-f]{4}:[\da-f]{2}:[\da-f]{2}\.[\da-f]$/.test(last) ? `pci-${last}` : undefined;
}

/** As they stand in a plan. */
export const asRecords = ({ macs, paths, drivers, names }: Identities): WrittenPlan['identities'] => ({
  macs: Object.fromEntries(macs),
  paths: Object.fromEntries(paths),
  drivers: Object.fromEntries([...drivers].map(([old, now]) => [old, [...now]])),
  names: Object.fromEntries(names),
});

export const fromRecords = ({ macs, paths, drivers, names }: WrittenPlan['identities']): Identities => ({
  macs: new Map(Object.entries(macs)),
  paths: new Map(Object.entries(paths)),
  drivers: new Map(Object.entries(drivers)),
  names: new Map(Object.entries(names)),
});
