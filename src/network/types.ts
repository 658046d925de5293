/** The document `lifeboat.network/1`: how a host is connected, and what configures it. */
import { z } from 'zod';
import { gapSchema } from '../host/gap.ts';
import { checkDocument } from '../kernel/document.ts';
import { checkNetwork } from './check.ts';
import { detailSchema, portSchema } from './kinds/kinds.ts';

export const networkFormat = 'lifeboat.network/1';

const family = z.enum(['inet', 'inet6']);
const text = z.string().exactOptional();
const number = z.number().exactOptional();
const flag = z.boolean().exactOptional();

export const origins = ['static', 'dhcp', 'slaac', 'kernel', 'daemon'] as const;

/**
 * What an administrator switches on a link, in the words of `ip`: ARP and multicast off, promiscuous mode and all of multicast on.
 * The kernel says the last two only where they were switched by hand, not where a bridge or a program wants them.
 */
export const linkFlags = ['NOARP', 'NOMULTICAST', 'PROMISC', 'ALLMULTI'] as const;

const addressSchema = z.object({
  address: z.string(),
  prefix: z.number().int().nonnegative(),
  family,
  scope: z.string(),
  /** It came with a lifetime: by DHCP or router advertisement. */
  dynamic: z.boolean(),
  /** Where it is from; `kernel` are those that the kernel makes by itself, `daemon` those that move between hosts. */
  origin: z.enum(origins).exactOptional(),
  /** The other end of a point-to-point link. */
  peer: text,
  broadcast: text,
  /** Only where it is another than the name of the link. */
  label: text,
  metric: number,
  noPrefixRoute: flag,
  noDad: flag,
  /** Not taken for new connections, and for good: one with a lifetime becomes so by itself. */
  deprecated: flag,
  /** A privacy address, made anew every day. */
  temporary: flag,
});

const bridgeVlanSchema = z.object({
  vlan: z.number().int(),
  vlanEnd: z.number().int().exactOptional(),
  pvid: flag,
  untagged: flag,
});

const linkSchema = z.object({
  name: z.string().min(1),
  /** As last seen: no identity. */
  index: z.number().int(),
  /** `ether`, `loopback`, or what the kernel calls a virtual link: `bridge`, `bond`, `veth`, … */
  kind: z.string(),
  mac: text,
  /** `set` by somebody, `stolen` from another link, `random`, or the `permanent` one. */
  macOrigin: z.enum(['permanent', 'random', 'stolen', 'set']).exactOptional(),
  permanentMac: text,
  mtu: z.number().int(),
  /** As last seen: `up`, `down`, `unknown`, … */
  state: z.string(),
  /** Whether it was switched on by its administrator. */
  enabled: flag,
  /** Of {@link linkFlags}, those that it has; absent where they were not captured. */
  flags: z.array(z.string()).exactOptional(),
  alternativeNames: z.array(z.string()).exactOptional(),
  alias: text,
  group: text,
  txQueueLength: number,
  /** How it makes its link-local address: `eui64`, `none`, `stable_secret`, `random`. */
  addressMode: text,
  /** The bridge, bond, team or VRF that it is a member of. */
  master: text,
  /** The links that it stands on: its members, or the one that it is a part of. */
  lower: z.array(z.string()).exactOptional(),
  /** The other end of a pair. */
  peer: text,
  /** The other end, or the link that it stands on, is in another network namespace. */
  elsewhere: flag,
  /** A wireless card. */
  wireless: flag,
  driver: text,
  /** Place of the card below `/sys/devices`: the same as long as it stays in its slot. */
  busPath: text,
  /** Number of the port, on a card with more than one. */
  port: number,
  /** As last negotiated. */
  speedMbit: number,
  duplex: text,
  /** What is not as the kernel and most drivers start with, by the names of ethtool. */
  offloads: z.record(z.string(), z.boolean()).exactOptional(),
  /** Settings of its kind. */
  detail: detailSchema.exactOptional(),
  /** Settings as a member of its master. */
  membership: portSchema.exactOptional(),
  /** VLANs that pass, where its bridge filters. */
  vlans: z.array(bridgeVlanSchema).exactOptional(),
  addresses: z.array(addressSchema),
});

const hopSchema = z.object({ gateway: text, dev: text, weight: number, onlink: flag });

const routeSchema = z.object({
  family,
  table: z.string(),
  /** `unicast` is left out. */
  type: text,
  destination: z.string(),
  gateway: text,
  /** Absent for a blackhole and the like. */
  dev: text,
  metric: number,
  /** Who made it: `kernel`, `dhcp`, `ra`, a routing daemon; absent or `static` for what was configured. */
  protocol: text,
  source: text,
  /** Only packets from there. */
  from: text,
  scope: text,
  tos: text,
  onlink: flag,
  /** Router preference of IPv6, where it is not `medium`. */
  preference: text,
  /** `mtu`, `advmss`, `initcwnd`, …, by the names of iproute2. */
  metrics: z.record(z.string(), z.json()).exactOptional(),
  /** That it encapsulates, and how: `ip`, `mpls`, `seg6`, …; the parameters are not captured. */
  encap: text,
  /** Of a multipath route, which then has no gateway and device of its own. */
  nextHops: z.array(hopSchema).exactOptional(),
});

const ruleSchema = z.object({
  family,
  priority: z.number().int(),
  not: flag,
  from: text,
  to: text,
  table: text,
  /** `unicast` (look the table up) is left out. */
  action: text,
  incoming: text,
  outgoing: text,
  mark: text,
  /** Everything else that it selects by or does, by the names of iproute2. */
  more: z.record(z.string(), z.json()).exactOptional(),
});

const neighbourSchema = z.object({ address: z.string(), dev: text, mac: text, proxy: flag });

const dnsSchema = z.object({
  servers: z.array(z.string()),
  search: z.array(z.string()),
  options: z.array(z.string()).exactOptional(),
});

const systemSchema = z.object({
  name: z.string(),
  /** How it is known to be in charge, in words. */
  reason: z.string(),
  /** Which systems carry out what this one says: netplan has no program of its own that runs. */
  renders: z.array(z.string()).exactOptional(),
});

const fileSchema = z.object({
  path: z.string(),
  /** Secret values in it are replaced. Absent where the file is too large. */
  content: text,
  /** SHA-256 of the content without its secrets: of a short secret, it could be guessed from the digest of all. */
  digest: text,
  redacted: flag,
});

const firewallSchema = z.object({
  /** `nft`; `iptables`, `ip6tables`: tables of nft, in the words of iptables; `iptables-legacy`, `ip6tables-legacy`. */
  kind: z.string(),
  /** Without counters, and without what rules themselves put into sets. */
  rules: z.string(),
});

const sysctlSchema = z.object({
  key: z.string(),
  /** What the kernel has; absent where it has no such key. */
  value: text,
  /** What the kernel starts with, where lifeboat knows. */
  default: text,
  /** What the files set, and which of them. */
  configured: text,
  file: text,
});

const namedLine = z.object({ address: z.string(), names: z.array(z.string()) });

/** A section that is absent was not captured: earlier versions of lifeboat wrote fewer. */
export const networkSchema = z.object({
  format: z.literal(networkFormat),
  capturedAt: z.iso.datetime(),
  hostname: z.string(),
  links: z.array(linkSchema),
  routes: z.array(routeSchema),
  rules: z.array(ruleSchema).exactOptional(),
  /** Static neighbours only. */
  neighbours: z.array(neighbourSchema).exactOptional(),
  dns: dnsSchema,
  /** Lines of `/etc/hosts`. */
  hosts: z.array(namedLine).exactOptional(),
  /** Names of other network namespaces; what is in them is not captured. */
  namespaces: z.array(z.string()).exactOptional(),
  /** Configuration systems in charge. */
  systems: z.array(systemSchema).exactOptional(),
  files: z.array(fileSchema).exactOptional(),
  firewall: z.array(firewallSchema).exactOptional(),
  sysctls: z.array(sysctlSchema).exactOptional(),
  gaps: z.array(gapSchema),
});

export type Network = z.infer<typeof networkSchema>;
export type Link = z.infer<typeof linkSchema>;
export type Address = z.infer<typeof addressSchema>;
export type Route = z.infer<typeof routeSchema>;
export type NextHop = z.infer<typeof hopSchema>;
export type Rule = z.infer<typeof ruleSchema>;
export type Neighbour = z.infer<typeof neighbourSchema>;
export type Dns = z.infer<typeof dnsSchema>;
export type HostsLine = z.infer<typeof namedLine>;
export type System = z.infer<typeof systemSchema>;
export type ConfigFile = z.infer<typeof fileSchema>;
export type Firewall = z.infer<typeof firewallSchema>;
export type Sysctl = z.infer<typeof sysctlSchema>;
export type BridgeVlan = z.infer<typeof bridgeVlanSchema>;

/**
 * A network out of parsed JSON, its graph checked.
 *
 * @throws LifeboatError `newer-format`, `record-damaged`
 */
export function parseNetwork(value: unknown): Network {
  const network = checkDocument(value, networkSchema, networkFormat, 'the network');
  checkNetwork(network);
  return network;
}
