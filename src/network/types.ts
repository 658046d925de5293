/** The document `lifeboat.network/1`: links, addresses, routes and name servers of a host. */
import { z } from 'zod';
import { gapSchema } from '../host/gap.ts';
import { checkDocument } from '../kernel/document.ts';

export const networkFormat = 'lifeboat.network/1';

const family = z.enum(['inet', 'inet6']);

const addressSchema = z.object({
  address: z.string(),
  prefix: z.number().int(),
  family,
  scope: z.string(),
  /** It came with a lifetime: by DHCP or router advertisement. */
  dynamic: z.boolean(),
});

const linkSchema = z.object({
  name: z.string(),
  /** As last seen: no identity. */
  index: z.number().int(),
  /** `ether`, `loopback`, or what the kernel calls a virtual link: `bridge`, `bond`, `veth`, … */
  kind: z.string(),
  mac: z.string().exactOptional(),
  permanentMac: z.string().exactOptional(),
  mtu: z.number().int(),
  state: z.string(),
  addresses: z.array(addressSchema),
});

const routeSchema = z.object({
  family,
  table: z.string(),
  /** `unicast` is left out. */
  type: z.string().exactOptional(),
  destination: z.string(),
  gateway: z.string().exactOptional(),
  /** Absent for a blackhole and the like. */
  dev: z.string().exactOptional(),
  metric: z.number().exactOptional(),
  protocol: z.string().exactOptional(),
  source: z.string().exactOptional(),
  /** Of a multipath route, which then has no gateway and device of its own. */
  nextHops: z
    .array(
      z.object({
        gateway: z.string().exactOptional(),
        dev: z.string().exactOptional(),
        weight: z.number().exactOptional(),
      }),
    )
    .exactOptional(),
});

const dnsSchema = z.object({ servers: z.array(z.string()), search: z.array(z.string()) });

export const networkSchema = z.object({
  format: z.literal(networkFormat),
  capturedAt: z.iso.datetime(),
  hostname: z.string(),
  links: z.array(linkSchema),
  routes: z.array(routeSchema),
  dns: dnsSchema,
  gaps: z.array(gapSchema),
});

export type Network = z.infer<typeof networkSchema>;
export type Link = z.infer<typeof linkSchema>;
export type Address = z.infer<typeof addressSchema>;
export type Route = z.infer<typeof routeSchema>;
export type Dns = z.infer<typeof dnsSchema>;
/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseNetwork(value: unknown): Network {
  return checkDocument(value, networkSchema, networkFormat, 'the network');
}
