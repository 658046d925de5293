/** Links and their addresses, from `ip -j -d addr`. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import type { Address, Link } from './types.ts';

export const linksArgv: Argv = ['ip', '-j', '-d', 'addr', 'show'];

const infinite = 0xffff_ffff;

const addressSchema = z.object({
  family: z.string(),
  local: z.string(),
  prefixlen: z.number().int(),
  scope: z.string().default('global'),
  dynamic: z.boolean().exactOptional(),
  valid_life_time: z.number().exactOptional(),
});

type AddressEntry = z.infer<typeof addressSchema>;

// iproute2 writes an empty object for what its filter left out.
const empty = z.strictObject({});
const linkSchema = z.object({
  ifindex: z.number().int(),
  ifname: z.string(),
  mtu: z.number().int().default(0),
  operstate: z.string().default('UNKNOWN'),
  link_type: z.string().default('unknown'),
  address: z.string().exactOptional(),
  permaddr: z.string().exactOptional(),
  linkinfo: z.object({ info_kind: z.string().exactOptional() }).exactOptional(),
  addr_info: z.array(z.union([addressSchema, empty.transform(() => undefined)])).default([]),
});

export function parseLinks(stdout: string): Link[] {
  const found = z.array(z.union([linkSchema, empty])).parse(JSON.parse(stdout));
  return found
    .filter((link) => 'ifname' in link)
    .map((link) => ({
      name: link.ifname,
      index: link.ifindex,
      kind: link.linkinfo?.info_kind ?? link.link_type,
      ...(link.address === undefined ? {} : { mac: link.address }),
      ...(link.permaddr === undefined ? {} : { permanentMac: link.permaddr }),
      mtu: link.mtu,
      state: link.operstate.toLowerCase(),
      addresses: link.addr_info.flatMap((address) => (address === undefined ? [] : addressOf(address))),
    }));
}

function addressOf(found: AddressEntry): Address[] {
  const { family } = found;
  if (family !== 'inet' && family !== 'inet6') return [];
  const { local: address, prefixlen: prefix, scope } = found;
  const lifetime = found.valid_life_time ?? infinite;
  return [{ address, prefix, family, scope, dynamic: found.dynamic === true || lifetime < infinite }];
}

export async function captureLinks(asker: Asker): Promise<Link[]> {
  const links = await asker.ask({
    argv: linksArgv,
    parse: parseLinks,
    subject: 'links and addresses',
  });
  return links ?? [];
}
