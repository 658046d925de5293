/** The one list of kinds of links: what is recorded of each, and a line about it. */
import { z } from 'zod';
import { bond, bondDefaults, bondPort, bondText } from './bond.ts';
import { bridge, bridgeDefaults, bridgePort, bridgeText } from './bridge.ts';
import { geneve, geneveDefaults, geneveText } from './geneve.ts';
import { ipvlan, ipvlanText, macvlan, macvlanDefaults, macvlanText } from './macvlan.ts';
import { macsec, macsecDefaults, macsecText } from './macsec.ts';
import { other, plain, team, teamText } from './plain.ts';
import { tun, tunText } from './tun.ts';
import { tunnel, tunnelText, vrf, vrfText } from './tunnel.ts';
import { vlan, vlanText } from './vlan.ts';
import { vxlan, vxlanDefaults, vxlanText } from './vxlan.ts';
import { wireguard, wireguardText } from './wireguard.ts';

export const detailSchema = z.discriminatedUnion('kind', [
  bond,
  bridge,
  vlan,
  macvlan,
  ipvlan,
  vxlan,
  geneve,
  macsec,
  tun,
  tunnel,
  vrf,
  wireguard,
  team,
  plain,
  other,
]);
export const portSchema = z.discriminatedUnion('kind', [bondPort, bridgePort]);

export type Detail = z.infer<typeof detailSchema>;
export type Port = z.infer<typeof portSchema>;

const namesOf = ({ kind }: { kind: z.ZodEnum | z.ZodLiteral }): unknown[] =>
  kind instanceof z.ZodEnum ? kind.options : [...kind.values];
const known = new Set(detailSchema.options.flatMap(({ shape }) => namesOf(shape)));
const knownPorts = new Set(portSchema.options.flatMap(({ shape }) => namesOf(shape)));

/**
 * What iproute2 says of a link of that kind. A kind without its own description is kept as it is, under `other`.
 *
 * @throws Error for data that is not as it should be
 */
export function parseDetail(kind: string, data: Readonly<Record<string, unknown>>): Detail | undefined {
  // What there is to know of these is not in the answer of ip.
  if (kind === 'wireguard' || kind === 'team') return undefined;
  return detailSchema.parse(known.has(kind) && kind !== 'other' ? { ...data, kind } : { kind: 'other', data });
}

/** As {@link parseDetail}, of a member of a bridge or bond; `undefined` for a member of anything else. */
export function parsePort(kind: string, data: Readonly<Record<string, unknown>>): Port | undefined {
  return knownPorts.has(kind) ? portSchema.parse({ ...data, kind }) : undefined;
}

/** Settings in a line; empty where there is nothing to say. */
export function detailText(detail: Detail): string {
  switch (detail.kind) {
    case 'bond':
      return bondText(detail);
    case 'bridge':
      return bridgeText(detail);
    case 'vlan':
      return vlanText(detail);
    case 'macvlan':
    case 'macvtap':
      return macvlanText(detail);
    case 'ipvlan':
    case 'ipvtap':
      return ipvlanText(detail);
    case 'vxlan':
      return vxlanText(detail);
    case 'geneve':
      return geneveText(detail);
    case 'macsec':
      return macsecText(detail);
    case 'tun':
      return tunText(detail);
    case 'vrf':
      return vrfText(detail);
    case 'wireguard':
      return wireguardText(detail);
    case 'team':
      return teamText(detail);
    case 'other':
      return '(a kind not yet handled)';
    case 'veth':
    case 'dummy':
    case 'ifb':
    case 'nlmon':
    case 'vcan':
      return '';
    case 'gre':
    case 'gretap':
    case 'ip6gre':
    case 'ip6gretap':
    case 'erspan':
    case 'ipip':
    case 'sit':
    case 'ip6tnl':
    case 'vti':
    case 'vti6':
      return tunnelText(detail);
  }
}

const defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  bond: bondDefaults,
  bridge: bridgeDefaults,
  macvlan: macvlanDefaults,
  macvtap: macvlanDefaults,
  vxlan: vxlanDefaults,
  geneve: geneveDefaults,
  macsec: macsecDefaults,
};

/** Whether a setting that is not printed has this value: old and new versions of iproute2 do not print the same ones. */
export function isUnset(kind: string, name: string, value: unknown): boolean {
  const own = defaults[kind]?.[name];
  if (own !== undefined) return own === value;
  return value === 0 || value === false || value === null || value === '' || value === '0' || isEmptyList(value);
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
