/** Parts of a network in a line each. They may hold raw names, so print them through `printable`. */
import { detailText } from './kinds/kinds.ts';
import type { Address, BridgeVlan, Link, Neighbour, NextHop, Route, Rule } from './types.ts';

type Part = string | false | undefined;
const joined = (parts: readonly Part[], by = '  '): string =>
  parts.filter((part) => part !== undefined && part !== false && part !== '').join(by);

export function linkText(link: Link): string {
  const { name, kind, mac, permanentMac, mtu, state, detail, master, lower, wireless } = link;
  return joined([
    `link ${name}`,
    wireless === true ? 'wireless' : kind,
    detail !== undefined && detailText(detail),
    mac,
    permanentMac !== undefined && permanentMac !== mac && `(its own: ${permanentMac})`,
    `mtu ${mtu}`,
    state,
    master !== undefined && `in ${master}`,
    lower !== undefined && `on ${lower.join(' ')}`,
    link.peer !== undefined && `to ${link.peer}`,
    link.elsewhere === true && '(other end in another namespace)',
  ]);
}

/** What is below the line of a link, besides its addresses. */
export function linkNotes(link: Link): string[] {
  const { driver, busPath, speedMbit, duplex, port, alternativeNames, alias, offloads, vlans, detail } = link;
  const hardware = joined([
    driver !== undefined && `driver ${driver}`,
    busPath !== undefined && `at ${busPath}`,
    port !== undefined && `port ${port}`,
    speedMbit !== undefined && joined([`${speedMbit} Mbit/s`, duplex === 'half' && 'half duplex'], ' '),
  ]);
  return [
    ...(hardware === '' ? [] : [hardware]),
    ...(alternativeNames === undefined ? [] : [`also called ${alternativeNames.join(' ')}`]),
    ...(alias === undefined ? [] : [`alias ${alias}`]),
    ...flagsText(link),
    ...(offloads === undefined ? [] : [`not as usual: ${offloadsText(offloads)}`]),
    ...(vlans === undefined || vlans.length === 0 ? [] : [`vlans ${vlans.map(vlanText).join(', ')}`]),
    ...(detail?.kind === 'wireguard' ? detail.peers.map(peerText) : []),
  ];
}

/** Tunnels and the like have neither ARP nor multicast: of them it is no news. */
function flagsText({ kind, flags = [] }: Link): string[] {
  const usual = kind === 'ether' || kind === 'veth' || kind === 'bridge' || kind === 'bond' || kind === 'vlan';
  const found = flags.filter((flag) => usual || !flag.startsWith('NO'));
  return found.length === 0 ? [] : [`switched: ${found.join(' ')}`];
}

const offloadsText = (offloads: Readonly<Record<string, boolean>>): string =>
  Object.entries(offloads)
    .map(([name, on]) => `${name} ${on ? 'on' : 'off'}`)
    .join(', ');

function peerText(peer: { publicKey: string; endpoint?: string; allowedIps: readonly string[] }): string {
  return joined([
    `peer ${peer.publicKey}`,
    peer.endpoint !== undefined && `at ${peer.endpoint}`,
    peer.allowedIps.join(' '),
  ]);
}

export function vlanText({ vlan, vlanEnd, pvid, untagged }: BridgeVlan): string {
  const range = vlanEnd === undefined ? `${vlan}` : `${vlan}-${vlanEnd}`;
  return joined([range, pvid === true && 'pvid', untagged === true && 'untagged'], ' ');
}

export function addressText({ address, prefix, scope, dynamic, origin, peer, temporary }: Address): string {
  return joined([
    peer === undefined ? `${address}/${prefix}` : `${address} to ${peer}/${prefix}`,
    scope !== 'global' && scope,
    origin === undefined ? dynamic && 'dynamic' : origin !== 'static' && origin,
    temporary === true && 'temporary',
  ]);
}

const hopText = ({ gateway, dev, weight, onlink }: NextHop): string =>
  joined(
    [
      gateway !== undefined && `via ${gateway}`,
      dev !== undefined && `dev ${dev}`,
      onlink === true && 'onlink',
      weight !== undefined && weight !== 1 && `weight ${weight}`,
    ],
    ' ',
  );

/** Where a route leads to: two with the same do not stand side by side. */
export const routeTarget = (route: Route): string =>
  joined([routeSelector(route), `${route.metric ?? 0}`, route.table], ' ');

function routeSelector({ type, destination, family, from, tos }: Route): string {
  return joined(
    [
      type,
      destination === 'default' && family === 'inet6' ? 'default (IPv6)' : destination,
      from !== undefined && `from ${from}`,
      tos !== undefined && `tos ${tos}`,
    ],
    ' ',
  );
}

export function routeText(route: Route): string {
  const { nextHops, source, metrics, preference, encap, scope, metric, table } = route;
  return joined(
    [
      routeSelector(route),
      hopText({ ...route, weight: 1 }),
      ...(nextHops ?? []).map((hop) => `nexthop ${hopText(hop)}`).toSorted(),
      metric !== undefined && `metric ${metric}`,
      table !== 'main' && `table ${table}`,
      scope !== undefined && `scope ${scope}`,
      source !== undefined && `source ${source}`,
      preference !== undefined && `preference ${preference}`,
      encap !== undefined && `encap ${encap}`,
      ...Object.entries(metrics ?? {}).map(([name, value]) => `${name} ${JSON.stringify(value)}`),
    ],
    ' ',
  );
}

export function ruleText(rule: Rule): string {
  const { priority, family, not, from, to, incoming, outgoing, mark, table, action, more } = rule;
  return joined(
    [
      `${priority}:`,
      family === 'inet6' && 'IPv6',
      not === true && 'not',
      `from ${from ?? 'all'}`,
      to !== undefined && `to ${to}`,
      incoming !== undefined && `iif ${incoming}`,
      outgoing !== undefined && `oif ${outgoing}`,
      mark !== undefined && `mark ${mark}`,
      ...Object.entries(more ?? {}).map(([name, value]) =>
        value === null ? name : `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      ),
      table !== undefined && `table ${table}`,
      action,
    ],
    ' ',
  );
}

export function neighbourText({ address, dev, mac, proxy }: Neighbour): string {
  return joined(
    [address, mac !== undefined && `at ${mac}`, dev !== undefined && `dev ${dev}`, proxy === true && 'proxy'],
    ' ',
  );
}
