/** What has changed between two captures of the network. */
import type { Change } from '../kernel/change.ts';
import { changed, type Item, listChanges, type Unseen, valueText } from './compare.ts';
import { configurationChanges } from './diff-config.ts';
import { comparable, linkChanges } from './diff-links.ts';
import { isMadeNamespace, isOfRuntime, isOnTheFly } from './on-the-fly.ts';
import { renamed, renames } from './rename.ts';
import { subjects } from './subjects.ts';
import type { Link, Network, Route } from './types.ts';
import { neighbourText, routeTarget, routeText, ruleText } from './words.ts';

/**
 * By meaning. Cards are known by their permanent MAC and their place, so that a new name alone is of low risk. Not compared are: the state, speed
 * and index of links; addresses and routes that come by DHCP, router advertisement, routing daemons or from the kernel; links that
 * container runtimes and virtual machines make while they run; and what one of the two captures could not see. Linear in what there is.
 */
export function networkChanges(before: Network, after: Network): Change[] {
  const gaps = new Set([...before.gaps, ...after.gaps].map(({ subject }) => subject));
  const unseen: Unseen = (subject) => gaps.has(subject);
  const linksSeen = !unseen(subjects.links);
  const names = linksSeen ? renames(before.links, after.links) : new Map<string, string>();
  const old = renamed(before, names);
  const links = linksSeen ? comparable(old, after) : undefined;
  // What follows from a link that came or went is told with it.
  const follows = (dev: string | undefined): boolean => dev !== undefined && links?.moved.has(dev) === true;
  return [
    ...(unseen('/proc/sys/kernel/hostname') || before.hostname === after.hostname
      ? []
      : [changed('hostname', 'name', 'appearance', `hostname was ${before.hostname}, is ${after.hostname}`)]),
    ...renameChanges(before, after, names),
    ...(links === undefined ? [] : linkChanges(links, unseen)),
    ...routeChanges(old, after, unseen, follows),
    ...ruleChanges(old, after, unseen),
    ...neighbourChanges(old, after, unseen, follows),
    ...dnsChanges(before, after, unseen),
    ...hostsChanges(before, after, unseen),
    ...namespaceChanges(before, after, unseen),
    ...configurationChanges(before, after, unseen, follows),
  ];
}

function renameChanges(before: Network, after: Network, names: ReadonlyMap<string, string>): Change[] {
  const there = new Set(after.links.map(({ name }) => name));
  return before.links.flatMap(({ name }) => {
    const now = names.get(name);
    if (now === undefined || !there.has(now)) return [];
    return [changed(`link ${name}`, 'name', 'appearance', `link ${name} is called ${now} now: the card is the same`)];
  });
}

type Follows = (dev: string | undefined) => boolean;
type Family = Route['family'];
const families: readonly Family[] = ['inet', 'inet6'];

function routeChanges(before: Network, after: Network, unseen: Unseen, follows: Follows): Change[] {
  // One filter for both: what a link was or is decides about its routes on either side.
  const passing = new Set([...before.links, ...after.links].filter(isOnTheFly).map(({ name }) => name));
  const runtime = new Set([...before.links, ...after.links].filter(isOfRuntime).map(({ name }) => name));
  const moving = new Set([...movingDefaults(before.links), ...movingDefaults(after.links)]);
  // Of a link that only one of them could have seen, and did not, nobody knows whether a program made it.
  const names = new Set([...before.links, ...after.links].map(({ name }) => name));
  const isVague = (dev: string | undefined) =>
    dev !== undefined && unseen(subjects.links) && names.size > 0 && !names.has(dev);
  const items = ({ routes }: Network): Item[] =>
    routes.filter(isConfigured).flatMap((route): Item[] => {
      const { dev, family, destination } = route;
      if (unseen(subjects.routes[family]) || follows(dev) || (dev !== undefined && passing.has(dev))) return [];
      if (isVague(dev)) return [];
      if (destination === 'default' && dev !== undefined && moving.has(`${family} ${dev}`)) return [];
      const risk = dev !== undefined && runtime.has(dev) ? 'appearance' : 'recovery';
      return [{ target: `${family} ${routeTarget(route)}`, text: routeText(route), risk }];
    });
  return listChanges('route', items(before), items(after));
}

/** Made by an administrator or on behalf of one, not learned by the kernel, a client or a daemon. */
export function isConfigured({ protocol, table, type }: Route): boolean {
  if (protocol !== undefined && protocol !== 'static' && protocol !== 'boot') return false;
  // Where an old kernel does not say that it made them.
  return !(table === 'local' && (type === 'broadcast' || type === 'multicast' || type === 'anycast'));
}

/** Families and links whose addresses all come by DHCP and the like: some clients do not mark the default route as theirs. */
export function movingDefaults(links: readonly Link[]): string[] {
  return links.flatMap(({ name, addresses }) =>
    families.flatMap((family) => {
      const own = addresses.filter((address) => address.family === family && address.scope === 'global');
      return own.length > 0 && own.every(({ dynamic, origin }) => dynamic || origin === 'dhcp' || origin === 'slaac')
        ? [`${family} ${name}`]
        : [];
    }),
  );
}

function ruleChanges(before: Network, after: Network, unseen: Unseen): Change[] {
  if (before.rules === undefined || after.rules === undefined) return [];
  const items = ({ rules = [] }: Network): Item[] =>
    rules
      .filter(({ family }) => !unseen(subjects.rules[family]))
      .map((rule) => ({ target: `${rule.family} ${rule.priority}`, text: ruleText(rule), risk: 'recovery' }));
  return listChanges('policy rule', items(before), items(after));
}

function neighbourChanges(before: Network, after: Network, unseen: Unseen, follows: Follows): Change[] {
  if (before.neighbours === undefined || after.neighbours === undefined || unseen(subjects.neighbours)) return [];
  const made = new Set(
    [...before.links, ...after.links].filter((link) => isOnTheFly(link) || isOfRuntime(link)).map(({ name }) => name),
  );
  const items = ({ neighbours = [] }: Network): Item[] =>
    neighbours
      .filter(({ dev }) => dev === undefined || !(made.has(dev) || follows(dev)))
      .map((neighbour) => ({
        target: `${neighbour.address} ${neighbour.dev ?? ''} ${neighbour.proxy === true}`,
        text: neighbourText(neighbour),
        risk: 'appearance',
      }));
  return listChanges('static neighbour', items(before), items(after));
}

function dnsChanges(before: Network, after: Network, unseen: Unseen): Change[] {
  if (unseen('/etc/resolv.conf') || unseen('/run/systemd/resolve/resolv.conf')) return [];
  // Who gets an address from elsewhere usually gets name servers with it.
  const given = after.links.some(({ addresses }) =>
    addresses.some(({ dynamic, origin }) => dynamic || origin === 'dhcp'),
  );
  const of = (attribute: 'servers' | 'search' | 'options', words: string): Change[] => {
    const was = before.dns[attribute] ?? [];
    const is = after.dns[attribute] ?? [];
    // An earlier capture did not look for options.
    if ((attribute === 'options' && before.rules === undefined) || was.join(' ') === is.join(' ')) return [];
    const risk = attribute === 'servers' && !given ? 'recovery' : 'appearance';
    return [changed('dns', attribute, risk, `${words} were ${valueText(was)}, are ${valueText(is)}`)];
  };
  return [...of('servers', 'name servers'), ...of('search', 'search domains'), ...of('options', 'resolver options')];
}

function hostsChanges(before: Network, after: Network, unseen: Unseen): Change[] {
  if (before.hosts === undefined || after.hosts === undefined || unseen('/etc/hosts')) return [];
  const items = ({ hosts = [] }: Network): Item[] =>
    hosts.map(({ address, names }) => ({ target: address, text: `${address} ${names.join(' ')}`, risk: 'appearance' }));
  return listChanges('line of /etc/hosts', items(before), items(after));
}

function namespaceChanges(before: Network, after: Network, unseen: Unseen): Change[] {
  if (before.namespaces === undefined || after.namespaces === undefined || unseen(subjects.namespaces)) return [];
  const items = ({ namespaces = [] }: Network): Item[] =>
    namespaces.filter((name) => !isMadeNamespace(name)).map((text) => ({ text, risk: 'appearance' }));
  return listChanges('network namespace', items(before), items(after));
}
