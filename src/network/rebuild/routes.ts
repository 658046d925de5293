/** Routes, neighbours and addresses as words of `ip`. */
import { isIPv6 } from 'node:net';
import type { Word } from '../../plan/action.ts';
import type { Address, Neighbour, NextHop, Route } from '../types.ts';
import type { Named } from './makers/maker.ts';

const option = (name: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [name, String(value)];

function viaWords({ gateway, dev, onlink }: NextHop, family: Route['family'], named: Named): Word[] {
  const isOther = gateway !== undefined && family === 'inet' && isIPv6(gateway);
  return [
    ...(gateway === undefined ? [] : ['via', ...(isOther ? ['inet6'] : []), gateway]),
    ...(dev === undefined ? [] : ['dev', named(dev)]),
    ...(onlink === true ? ['onlink'] : []),
  ];
}

/** Those that `ip` prints by another name than it reads, or without their unit. */
const metricWords: Readonly<Record<string, (value: unknown) => readonly string[]>> = {
  cc_algo: (value) => ['congctl', String(value)],
  rtt: (value) => ['rtt', `${String(value)}ms`],
  rttvar: (value) => ['rttvar', `${String(value)}ms`],
  rto_min: (value) => ['rto_min', `${String(value)}ms`],
};

/** What a route is known by when it is taken away, or put in the place of another. */
function keyWords({ type, destination, from, tos, metric, table }: Route): string[] {
  return [
    ...(type === undefined ? [] : [type]),
    destination,
    ...option('from', from),
    ...option('tos', tos),
    ...option('metric', metric),
    ...option('table', table === 'main' ? undefined : table),
  ];
}

export const familyWord = ({ family }: { readonly family: Route['family'] }): string =>
  family === 'inet' ? '-4' : '-6';

export function routeWords(route: Route, named: Named): Word[] {
  const { family, protocol, scope, source, preference, metrics = {}, nextHops = [] } = route;
  return [
    ...keyWords(route),
    ...viaWords(route, family, named),
    ...option('proto', protocol),
    ...option('scope', family === 'inet' ? scope : undefined),
    ...option('src', source),
    ...option('pref', preference),
    ...Object.entries(metrics).flatMap(
      ([name, value]) =>
        metricWords[name]?.(value) ?? [name, typeof value === 'string' ? value : JSON.stringify(value)],
    ),
    ...nextHops.flatMap((hop) => ['nexthop', ...viaWords(hop, family, named), ...option('weight', hop.weight)]),
  ];
}

/** Of one that is taken away. */
export const routeKeyWords = (route: Route, named: Named): Word[] => [
  ...keyWords(route),
  ...(route.dev === undefined ? [] : ['dev', named(route.dev)]),
];

export const addressKey = ({ address, prefix, peer }: Address): string => `${peer ?? address}/${prefix} ${address}`;

export function addressWords({
  address,
  prefix,
  family,
  scope,
  peer,
  broadcast,
  label,
  metric,
  ...flags
}: Address): string[] {
  const isV4 = family === 'inet';
  return [
    ...(peer === undefined ? [`${address}/${prefix}`] : [address, 'peer', `${peer}/${prefix}`]),
    ...option('broadcast', isV4 ? broadcast : undefined),
    ...option('label', isV4 ? label : undefined),
    ...option('scope', isV4 ? scope : undefined),
    ...option('metric', metric),
    ...(flags.noPrefixRoute === true ? ['noprefixroute'] : []),
    ...(flags.noDad === true ? ['nodad'] : []),
    ...(flags.deprecated === true ? ['preferred_lft', '0'] : []),
  ];
}

export function neighbourWords({ address, dev, mac, proxy }: Neighbour, named: Named): Word[] {
  const on = dev === undefined ? [] : ['dev', named(dev)];
  if (proxy === true) return ['proxy', address, ...on];
  return [address, ...option('lladdr', mac), ...on, 'nud', 'permanent'];
}
