/** Addresses of a link, and where each is from. */
import { z } from 'zod';
import { present } from '../kernel/present.ts';
import type { Address, origins, Route } from './types.ts';

const infinite = 0xffff_ffff;
const flag = z.boolean().exactOptional();

export const addressEntry = z.object({
  family: z.string(),
  local: z.string(),
  /** The other end. */
  address: z.string().exactOptional(),
  prefixlen: z.number().int(),
  broadcast: z.string().exactOptional(),
  scope: z.string().default('global'),
  label: z.string().exactOptional(),
  metric: z.number().exactOptional(),
  protocol: z.string().exactOptional(),
  dynamic: flag,
  temporary: flag,
  mngtmpaddr: flag,
  noprefixroute: flag,
  nodad: flag,
  deprecated: flag,
  'stable-privacy': flag,
  valid_life_time: z.number().exactOptional(),
});

type AddressEntry = z.infer<typeof addressEntry>;

/** `[]` for a family that is neither IPv4 nor IPv6. */
export function addressOf(found: AddressEntry, link: string): Address[] {
  const { family } = found;
  if (family !== 'inet' && family !== 'inet6') return [];
  const dynamic = found.dynamic === true || (found.valid_life_time ?? infinite) < infinite;
  return [
    {
      address: found.local,
      prefix: found.prefixlen,
      family,
      scope: found.scope,
      dynamic,
      origin: originOf(found, family, dynamic),
      ...present({
        peer: found.address,
        broadcast: found.broadcast,
        label: found.label === link ? undefined : found.label,
        metric: found.metric,
        noPrefixRoute: found.noprefixroute,
        noDad: found.nodad,
        deprecated: dynamic ? undefined : found.deprecated,
        temporary: found.temporary,
      }),
    },
  ];
}

// The kernel tells who made an address only from 5.18 on: before, its own link-local ones are known by their form.
const eui64LinkLocal = /^fe80::[0-9a-f:]*ff:fe[0-9a-f]{2}:[0-9a-f]{1,4}$/;
/** Of tunnels over IPv4: made of their address. */
const tunnelLinkLocal = /^fe80::(200:)?5efe:[0-9a-f]{1,4}(:[0-9a-f]{1,4})?$/;

function originOf(found: AddressEntry, family: Address['family'], dynamic: boolean): (typeof origins)[number] {
  const { protocol, local, prefixlen, scope } = found;
  if (protocol === 'kernel_ra') return 'slaac';
  // It has the number of its routes for its addresses; not every version of iproute2 has the name.
  if (protocol === 'keepalived' || protocol === '18') return 'daemon';
  if (protocol?.startsWith('kernel') === true || (scope === 'host' && /^(127\.0\.0\.1|::1)$/.test(local))) {
    return 'kernel';
  }
  if (
    scope === 'link' &&
    (eui64LinkLocal.test(local) || tunnelLinkLocal.test(local) || found['stable-privacy'] === true)
  )
    return 'kernel';
  if (!dynamic) return 'static';
  // A router advertises prefixes; DHCPv6 hands out single addresses.
  return family === 'inet6' && prefixlen < 128 ? 'slaac' : 'dhcp';
}

/** Some DHCP clients set addresses without a lifetime: their routes tell which. */
export function withOrigins(addresses: readonly Address[], routes: readonly Route[]): Address[] {
  const sources = new Set(
    routes.flatMap(({ protocol, source }) => (protocol === 'dhcp' && source !== undefined ? [source] : [])),
  );
  return addresses.map((address) =>
    address.origin === 'static' && sources.has(address.address) ? { ...address, origin: 'dhcp' } : address,
  );
}
