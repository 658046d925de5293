/** The network as it will be: as it was captured, on the cards that are there, without what programs make by themselves. */
import { present } from '../../kernel/present.ts';
import { printable } from '../../kernel/text.ts';
import { isLasting } from '../diff-links.ts';
import { isConfigured, movingDefaults } from '../diff.ts';
import { isOfRuntime, isOnTheFly } from '../on-the-fly.ts';
import { subjects } from '../subjects.ts';
import type { Link, Network, Route } from '../types.ts';
import { routeText, ruleText } from '../words.ts';
import { isCard, withAbove } from './cards.ts';
import type { Match } from './match.ts';
import { makerOf } from './makers.ts';
import { unsaidOf } from './rules.ts';
import { isGiven } from './scene.ts';

/** Tunnels that each kernel has of its own, once it has tunnels of that kind. */
const ofKernel = new Set('tunl0 sit0 gre0 gretap0 erspan0 ip_vti0 ip6tnl0 ip6gre0 ip6_vti0'.split(' '));

export const isMade = (link: Link): boolean => !isOnTheFly(link) && !isOfRuntime(link) && !ofKernel.has(link.name);

const unseen: ReadonlySet<string> = new Set([
  ...Object.values(subjects.routes),
  ...Object.values(subjects.rules),
  subjects.neighbours,
]);

export interface Expected {
  readonly network: Network;
  readonly notes: readonly string[];
}

/**
 * @param found what there is now: name servers stay as they are where some come with an address, or nobody saw them
 * @param left names of captured links that are left out, with all that cannot be without them
 */
export function expectedNetwork(
  wanted: Network,
  found: Pick<Network, 'dns'>,
  matches: readonly Match[],
  left: ReadonlySet<string>,
): Expected {
  const cards = new Map(matches.map(({ from, to }) => [from.name, to]));
  const gone = withAbove(
    wanted.links
      .filter((link) => left.has(link.name) || !(cards.has(link.name) || stays(link)))
      .map(({ name }) => name),
    wanted.links,
  );
  const kept = wanted.links.filter(({ name }) => !gone.has(name));
  const seen = !wanted.gaps.some(({ subject }) => subject === subjects.bridgeVlans);
  const links = kept
    .map((link) => without(onCard(link, cards.get(link.name)), gone))
    .map((link) => (seen ? withoutVlans(link, wanted) : link));
  const names = new Set(links.map(({ name }) => name));
  const moving = new Set(movingDefaults(wanted.links));
  const isThere = (dev: string | undefined): boolean => dev === undefined || names.has(dev);
  const routes = wanted.routes.filter(isConfigured).filter((route) => {
    const { family, dev, destination, nextHops = [] } = route;
    return (
      isThere(dev) &&
      nextHops.every((hop) => isThere(hop.dev)) &&
      !(destination === 'default' && moving.has(`${family} ${dev}`))
    );
  });
  const rules = wanted.rules?.filter(({ incoming, outgoing }) => isThere(incoming) && isThere(outgoing));
  return {
    network: {
      format: wanted.format,
      capturedAt: wanted.capturedAt,
      hostname: wanted.hostname,
      links,
      routes: routes.filter(({ encap }) => encap === undefined),
      ...present({
        rules: rules?.filter((rule) => unsaidOf(rule).length === 0),
        neighbours: wanted.neighbours?.filter(({ dev }) => isThere(dev)),
        sysctls: wanted.sysctls?.filter(({ key }) => key.startsWith('net.') && isThere(linkOfKey(key))),
      }),
      dns: isDnsKnown(wanted) && !links.some(isGiven) ? wanted.dns : found.dns,
      // What was not seen is neither made nor taken away.
      gaps: wanted.gaps.filter(({ subject }) => unseen.has(subject)),
    },
    notes: [
      ...notesOf(links, routes),
      ...(rules ?? []).flatMap((rule) => ruleNote(rule)),
      ...leftOut(kept, wanted, left),
    ].map(printable),
  };
}

const isDnsKnown = ({ gaps }: Network): boolean =>
  !gaps.some(({ subject }) => subject === '/etc/resolv.conf' || subject === '/run/systemd/resolve/resolv.conf');

const stays = (link: Link): boolean => !isCard(link) && isMade(link);

/** The link that a setting of the kernel belongs to. */
export function linkOfKey(key: string): string | undefined {
  const [, link] = /^net\.ipv[46]\.conf\.(.+)\.[^.]+$/.exec(key) ?? [];
  return link === undefined || link === 'all' || link === 'default' ? undefined : link.replaceAll('/', '.');
}

/** A member of a bridge that filters, of which no VLAN is told, lets none pass. */
function withoutVlans(link: Link, { links }: Network): Link {
  const master = links.find(({ name }) => name === link.master);
  const isFiltered = master?.detail?.kind === 'bridge' && master.detail.vlan_filtering === 1;
  return isFiltered ? { ...link, vlans: link.vlans ?? [] } : link;
}

/** Other names that udev makes of where a card is. */
export const madeName = /^(?:en|ib|sl|wl|ww)[abcdiopPsuvwx]\w*$/;

/** What is of the card itself is that of the new one. */
function onCard(link: Link, card: Link | undefined): Link {
  if (card === undefined) return link;
  const { permanentMac: _mac, busPath: _path, driver: _driver, port: _port, offloads, ...rest } = link;
  const { mac, macOrigin, alternativeNames = [], ...own } = rest;
  const names = [
    ...alternativeNames.filter((name) => !madeName.test(name)),
    ...(card.alternativeNames ?? []).filter((name) => madeName.test(name) && name !== link.name),
  ];
  const keepsMac = macOrigin === 'set' && link.master === undefined;
  return {
    ...own,
    index: card.index,
    ...present({
      mac: keepsMac ? mac : (card.permanentMac ?? card.mac),
      macOrigin: keepsMac ? macOrigin : card.permanentMac === undefined ? card.macOrigin : 'permanent',
      permanentMac: card.permanentMac,
      busPath: card.busPath,
      driver: card.driver,
      port: card.port,
      // Another driver has other ones.
      offloads: card.driver === link.driver ? offloads : card.offloads,
      alternativeNames: names.length === 0 ? undefined : names,
    }),
  };
}

function without({ lower, master, ...link }: Link, gone: ReadonlySet<string>): Link {
  const below = lower?.filter((name) => !gone.has(name));
  return {
    ...link,
    ...present({
      lower: below?.length === 0 ? undefined : below,
      master: master === undefined || gone.has(master) ? undefined : master,
    }),
  };
}

function notesOf(links: readonly Link[], routes: readonly Route[]): string[] {
  return [
    ...links.flatMap((link) => {
      const { name, addresses } = link;
      const note = isCard(link) ? undefined : makerOf(link)?.note(link);
      const comes = addresses.some((one) => one.origin === 'dhcp' || (one.dynamic && one.origin !== 'kernel'));
      return [
        ...(note === undefined ? [] : [`${name}: ${note}`]),
        ...(comes && !addresses.every(isLasting)
          ? [`${name}: its addresses come by DHCP or from a router: no client is started for it`]
          : []),
      ];
    }),
    ...routes
      .filter(({ encap }) => encap !== undefined)
      .map((route) => `the route ${routeText(route)}: how it encapsulates is in no capture`),
  ];
}

function ruleNote(rule: Parameters<typeof unsaidOf>[0]): string[] {
  const unsaid = unsaidOf(rule);
  return unsaid.length === 0
    ? []
    : [`the rule ${ruleText(rule)}: lifeboat does not know how to say ${unsaid.join(', ')}`];
}

function leftOut(kept: readonly Link[], { links }: Network, left: ReadonlySet<string>): string[] {
  const names = new Set(kept.map(({ name }) => name));
  return links
    .filter((link) => !names.has(link.name) && (isMade(link) || left.has(link.name)))
    .map((link) =>
      isCard(link) && !left.has(link.name)
        ? `left out, as nothing is on it: ${link.name}`
        : `left out, as told: ${link.name}`,
    );
}
