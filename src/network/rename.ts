/** Which link of one capture is which of another: cards by what they are, everything else by its name. */
import type { Link, Network } from './types.ts';

/** Unique values of `key` to the names of their links. */
function index(links: readonly Link[], key: (link: Link) => string | undefined): Map<string, string> {
  const groups = Map.groupBy(links, key);
  groups.delete(undefined);
  return new Map(
    [...groups].flatMap(([value, [first, ...others]]): [string, string][] =>
      value === undefined || first === undefined || others.length > 0 ? [] : [[value, first.name]],
    ),
  );
}

const isCard = ({ kind, busPath, permanentMac }: Link): boolean =>
  busPath !== undefined || (kind === 'ether' && permanentMac !== undefined);
const slotOf = ({ busPath, port = 0 }: Link): string | undefined =>
  busPath === undefined ? undefined : `${busPath} ${port}`;

/**
 * New names by old ones, of cards whose name is another now. A card that is gone, and whose name another one has taken, gets a name that
 * no link can have.
 */
export function renames(before: readonly Link[], after: readonly Link[]): Map<string, string> {
  const old = before.filter(isCard);
  const now = after.filter(isCard);
  const found = new Map<string, string>();
  const taken = new Set<string>();
  for (const key of [({ permanentMac }: Link) => permanentMac, slotOf]) {
    const rest = index(
      now.filter(({ name }) => !taken.has(name)),
      key,
    );
    for (const [value, name] of index(
      old.filter((link) => !found.has(link.name)),
      key,
    )) {
      const same = rest.get(value);
      if (same === undefined) continue;
      found.set(name, same);
      taken.add(same);
    }
  }
  for (const { name } of before) if (!found.has(name) && taken.has(name)) found.set(name, `${name} (before)`);
  return new Map([...found].filter(([from, to]) => from !== to));
}

/** `network` as if its links had had their new names already. */
export function renamed(network: Network, names: ReadonlyMap<string, string>): Network {
  if (names.size === 0) return network;
  const to = (name: string): string => names.get(name) ?? name;
  const dev = <T extends { readonly dev?: string }>(item: T): T =>
    item.dev === undefined ? item : { ...item, dev: to(item.dev) };
  return {
    ...network,
    links: network.links.map((link) => ({
      ...link,
      name: to(link.name),
      ...(link.master === undefined ? {} : { master: to(link.master) }),
      ...(link.lower === undefined ? {} : { lower: link.lower.map(to) }),
      ...(link.detail?.kind === 'bond' && link.detail.primary !== undefined
        ? { detail: { ...link.detail, primary: to(link.detail.primary) } }
        : {}),
      ...(link.detail?.kind === 'vxlan' && link.detail.link !== undefined
        ? { detail: { ...link.detail, link: to(link.detail.link) } }
        : {}),
    })),
    routes: network.routes.map((route) => ({
      ...dev(route),
      ...(route.nextHops === undefined ? {} : { nextHops: route.nextHops.map(dev) }),
    })),
    ...(network.rules === undefined
      ? {}
      : {
          rules: network.rules.map((rule) => ({
            ...rule,
            ...(rule.incoming === undefined ? {} : { incoming: to(rule.incoming) }),
            ...(rule.outgoing === undefined ? {} : { outgoing: to(rule.outgoing) }),
          })),
        }),
    ...(network.neighbours === undefined ? {} : { neighbours: network.neighbours.map(dev) }),
  };
}
