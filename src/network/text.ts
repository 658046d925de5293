/** A network in words: the whole of it, and what has changed. */
import { gapLines } from '../host/gap.ts';
import { printable } from '../kernel/text.ts';
import type { Address, Link, Network, Route } from './types.ts';

/** For a terminal. Routes that the kernel makes by itself for local addresses are left out. */
export function networkText(network: Network): string {
  const lines = [`host ${network.hostname}`];
  for (const link of network.links) {
    lines.push(linkText(link));
    for (const address of link.addresses) lines.push(`   ${addressText(address)}`);
  }
  const routes = network.routes.filter(({ table }) => table !== 'local');
  if (routes.length > 0) lines.push('routes', ...routes.map((route) => `   ${routeText(route)}`));
  lines.push(`name servers  ${list(network.dns.servers)}`, `search domains  ${list(network.dns.search)}`);
  return [...lines.map(printable), ...gapLines(network.gaps)].map((line) => `${line}\n`).join('');
}

const list = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(' '));

export function linkText({ name, kind, mac, permanentMac, mtu, state }: Link): string {
  const own = permanentMac === undefined || permanentMac === mac ? undefined : `(its own: ${permanentMac})`;
  return [`link ${name}`, kind, mac, own, `mtu ${mtu}`, state].filter((part) => part !== undefined).join('  ');
}

export function addressText({ address, prefix, scope, dynamic }: Address): string {
  return `${address}/${prefix}${scope === 'global' ? '' : `  ${scope}`}${dynamic ? '  dynamic' : ''}`;
}

export function routeText({ type, destination, gateway, dev, metric, table, family, nextHops }: Route): string {
  const hops = nextHops?.map(
    (hop) => `nexthop ${hop.gateway === undefined ? '' : `via ${hop.gateway} `}dev ${hop.dev ?? '?'}`,
  );
  return [
    type,
    destination === 'default' && family === 'inet6' ? 'default (IPv6)' : destination,
    gateway === undefined ? undefined : `via ${gateway}`,
    dev === undefined ? undefined : `dev ${dev}`,
    ...(hops ?? []),
    metric === undefined ? undefined : `metric ${metric}`,
    table === 'main' ? undefined : `table ${table}`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');
}
