/** Changes of links, which are known by name here: cards with another name were renamed before. */
import type { Change, Risk } from '../kernel/change.ts';
import { changed, type Item, listChanges, same, valueText, type Unseen } from './compare.ts';
import { detailChanges } from './diff-details.ts';
import { isOfRuntime, isOnTheFly } from './on-the-fly.ts';
import { subjects } from './subjects.ts';
import type { Address, Link, linkFlags, Network } from './types.ts';
import { addressText, linkText, vlanText } from './words.ts';

interface Links {
  /** Names of links that came or went. */
  readonly moved: ReadonlySet<string>;
  readonly before: ReadonlyMap<string, Link>;
  readonly after: ReadonlyMap<string, Link>;
  /** One of the captures is of an earlier version, which saw little of a link. */
  readonly thin: boolean;
  /** Links that carry static addresses or a default route, and those that these stand on. */
  readonly carrying: ReadonlySet<string>;
}

/** The links of both that stay: not those that programs make while they run. */
export function comparable(before: Network, after: Network): Links {
  const passing = new Set([...before.links, ...after.links].filter(isOnTheFly).map(({ name }) => name));
  const byName = ({ links }: Network) =>
    new Map(links.filter(({ name }) => !passing.has(name)).map((link) => [link.name, link]));
  const old = byName(before);
  const now = byName(after);
  return {
    before: old,
    after: now,
    moved: new Set(
      [...old.keys()].filter((name) => !now.has(name)).concat([...now.keys()].filter((name) => !old.has(name))),
    ),
    thin: before.rules === undefined || after.rules === undefined,
    carrying: new Set([...carrying(before), ...carrying(after)]),
  };
}

export function linkChanges(links: Links, unseen: Unseen): Change[] {
  const { before, after } = links;
  const changes: Change[] = [];
  const moved = (link: Link, change: 'added' | 'removed') =>
    changes.push({ subject: `link ${link.name}`, change, risk: riskOf(link), text: `${change}: ${movedText(link)}` });
  for (const [name, link] of before) if (!after.has(name)) moved(link, 'removed');
  for (const [name, link] of after) {
    const was = before.get(name);
    if (was === undefined) moved(link, 'added');
    else changes.push(...changesOf(was, link, links, unseen));
  }
  return changes;
}

/** A card without any configuration, and what a runtime makes again, hinder no recovery. */
function riskOf(link: Link): Risk {
  if (isOfRuntime(link)) return 'appearance';
  const isIdleCard = link.kind === 'ether' && link.master === undefined && lasting(link.addresses).length === 0;
  return isIdleCard ? 'appearance' : 'recovery';
}

function movedText(link: Link): string {
  const addresses = lasting(link.addresses).map(addressText);
  return addresses.length === 0 ? linkText(link) : `${linkText(link)}  with ${addresses.join(', ')}`;
}

const attributes: readonly (readonly [
  keyof Link & ('mtu' | 'master' | 'peer' | 'alias' | 'group' | 'txQueueLength' | 'wireless' | 'addressMode'),
  Risk,
  string,
])[] = [
  ['mtu', 'recovery', 'MTU'],
  ['master', 'recovery', 'master'],
  ['peer', 'recovery', 'other end'],
  ['alias', 'appearance', 'alias'],
  ['group', 'appearance', 'group'],
  ['txQueueLength', 'appearance', 'length of the queue'],
];

function changesOf(was: Link, is: Link, links: Links, unseen: Unseen): Change[] {
  const subject = `link ${is.name}`;
  const low = isOfRuntime(was) || isOfRuntime(is);
  const changes: Change[] = [];
  const tell = (attribute: string, risk: Risk, words: string, old: unknown, now: unknown) =>
    changes.push(
      changed(
        subject,
        attribute,
        low ? 'appearance' : risk,
        `${subject}: ${words} was ${valueText(old)}, is ${valueText(now)}`,
      ),
    );
  if (was.kind !== is.kind) {
    tell('kind', 'recovery', 'kind', was.kind, is.kind);
    return changes;
  }
  const replaced = known(was.permanentMac, is.permanentMac) && was.permanentMac !== is.permanentMac;
  if (replaced) tell('permanentMac', 'recovery', 'the card was replaced; its MAC', was.permanentMac, is.permanentMac);
  else if (was.mac !== is.mac && macCounts(was, is, links)) tell('mac', 'recovery', 'MAC', was.mac, is.mac);
  for (const [attribute, risk, words] of attributes) {
    if (links.thin && attribute !== 'mtu') continue;
    // A master that was made on the fly is not among the links, and does not count.
    if (!same(was[attribute], is[attribute])) tell(attribute, risk, words, was[attribute], is[attribute]);
  }
  if (!links.thin) {
    const [old, now] = [standsOn(was, links.before), standsOn(is, links.after)];
    if (old !== now) tell('lower', 'recovery', 'stands on', old, now);
    const [oldNames, newNames] = [was.alternativeNames?.toSorted(), is.alternativeNames?.toSorted()];
    if (!same(oldNames, newNames)) tell('alternativeNames', 'appearance', 'other names', oldNames, newNames);
    switchChanges(was, is, links.carrying.has(is.name), tell);
    changes.push(...hardwareChanges(was, is, unseen, tell));
    if (!unseen(subjects.settingsOf(is.name))) changes.push(...detailChanges(was, is, low, unseen));
    if (!unseen(subjects.bridgeVlans)) changes.push(...vlanChanges(was, is));
  }
  changes.push(...listChanges(`${subject}: address`, addressItems(was, is, low), addressItems(is, was, low)));
  return changes.map((change) => ({ ...change, subject }));
}

function carrying({ links, routes }: Network): Set<string> {
  const byName = new Map(links.map((link) => [link.name, link]));
  const found = new Set<string>();
  const waiting = [
    ...links.filter((link) => link.kind === 'loopback' || hasOwnAddress(link)).map(({ name }) => name),
    ...routes
      .filter(({ destination }) => destination === 'default')
      .flatMap(({ dev, nextHops = [] }) => [dev, ...nextHops.map((hop) => hop.dev)]),
  ];
  for (const name of waiting) {
    if (name === undefined || found.has(name)) continue;
    found.add(name);
    // What it stands on carries the same; a list may grow while it is walked.
    waiting.push(...(byName.get(name)?.lower ?? []));
  }
  return found;
}

const hasOwnAddress = ({ addresses }: Link): boolean => lasting(addresses).some(({ scope }) => scope === 'global');

/** What an administrator switches on a link. One that is down answers nobody, nor does one without ARP. */
function switchChanges(was: Link, is: Link, carries: boolean, tell: Tell): void {
  const onOff = (on: boolean | undefined): string => (on === true ? 'on' : 'off');
  const risk = carries ? 'recovery' : 'appearance';
  if (known(was.enabled, is.enabled) && was.enabled !== is.enabled) {
    tell('enabled', risk, 'by its administrator it', onOff(was.enabled), onOff(is.enabled));
  }
  if (was.flags === undefined || is.flags === undefined) return;
  for (const [flag, attribute, words, grave] of switches) {
    const inverse = flag.startsWith('NO');
    const [old, now] = [was.flags.includes(flag) !== inverse, is.flags.includes(flag) !== inverse];
    if (old !== now) tell(attribute, grave ? risk : 'appearance', words, onOff(old), onOff(now));
  }
}

const switches: readonly (readonly [(typeof linkFlags)[number], string, string, boolean])[] = [
  ['NOARP', 'arp', 'ARP', true],
  ['NOMULTICAST', 'multicast', 'multicast', false],
  ['PROMISC', 'promisc', 'promiscuous mode', false],
  ['ALLMULTI', 'allmulticast', 'all of multicast', false],
];

const known = (one: unknown, other: unknown): boolean => one !== undefined && other !== undefined;

/** What it is a part of; its members are not told here, as each of them tells its master, nor are passing links. */
function standsOn({ name, lower = [] }: Link, links: ReadonlyMap<string, Link>): string {
  return lower
    .filter((below) => links.has(below) && links.get(below)?.master !== name)
    .toSorted()
    .join(' ');
}

/** A MAC that was chosen. Those of members follow the bond, those of wireless cards may be new for each network. */
function macCounts(was: Link, is: Link, { after, thin }: Links): boolean {
  const master = is.master === undefined ? undefined : after.get(is.master)?.kind;
  if (is.kind === 'loopback' || is.wireless === true || was.wireless === true || master === 'bond' || master === 'team')
    return false;
  const origins = [was.macOrigin, is.macOrigin];
  if (origins.includes('set')) return true;
  if (thin) return is.kind === 'ether' && !origins.includes('random') && !origins.includes('stolen');
  return is.kind === 'ether' && origins.every((origin) => origin === 'permanent');
}

type Tell = (attribute: string, risk: Risk, words: string, old: unknown, now: unknown) => void;

function hardwareChanges(was: Link, is: Link, unseen: Unseen, tell: Tell): Change[] {
  if (unseen(subjects.hardware)) return [];
  for (const [attribute, words] of [
    ['busPath', 'place'],
    ['driver', 'driver'],
  ] as const) {
    if (known(was[attribute], is[attribute]) && was[attribute] !== is[attribute]) {
      tell(attribute, 'appearance', words, was[attribute], is[attribute]);
    }
  }
  if (unseen(subjects.offloads) || !known(was.busPath, is.busPath)) return [];
  const names = new Set([...Object.keys(was.offloads ?? {}), ...Object.keys(is.offloads ?? {})]);
  for (const name of names) {
    // What is not listed is as usual: the opposite of what the other says.
    const old = was.offloads?.[name] ?? is.offloads?.[name] === false;
    const now = is.offloads?.[name] ?? was.offloads?.[name] === false;
    if (old !== now) tell(name, 'appearance', name, old ? 'on' : 'off', now ? 'on' : 'off');
  }
  return [];
}

function vlanChanges(was: Link, is: Link): Change[] {
  // A bridge that does not filter, or did not, says nothing about them.
  if (was.vlans === undefined || is.vlans === undefined || was.master !== is.master) return [];
  const items = ({ vlans = [] }: Link): Item[] =>
    vlans.map((vlan) => ({ target: String(vlan.vlan), text: vlanText(vlan), risk: 'recovery' }));
  return listChanges(`link ${is.name}: vlan`, items(was), items(is));
}

/** Link-local addresses that the kernel makes, known by their form where an earlier capture did not say so. */
const kernelMade = /^fe80::[0-9a-f:]*ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}$/;

export function isLasting({ dynamic, origin, temporary, scope, address }: Address): boolean {
  if (dynamic || temporary === true) return false;
  if (origin === undefined) return !(scope === 'link' && kernelMade.test(address));
  return origin === 'static';
}

const lasting = (addresses: readonly Address[]): Address[] => addresses.filter(isLasting);

/** Those of one link that the other has in no way: one that came by DHCP there is no loss here. */
function addressItems(link: Link, other: Link, low: boolean): Item[] {
  const moving = new Set(other.addresses.filter((address) => !isLasting(address)).map(({ address }) => address));
  return lasting(link.addresses)
    .filter(({ address }) => !moving.has(address))
    .map((address) => ({
      target: address.address,
      text: addressText({ ...address, dynamic: false }),
      risk: low || address.scope !== 'global' ? 'appearance' : 'recovery',
    }));
}
