/** Tunnels of IP in IP and GRE (iproute2 `ip/link_{gre,gre6,iptnl,ip6tnl,vti,vti6}.c`) and VRFs (`ip/iplink_vrf.c`). */
import { z } from 'zod';
import { fieldsText, flag, hex, number, text } from './common.ts';

export const tunnel = z.object({
  kind: z.enum(['gre', 'gretap', 'ip6gre', 'ip6gretap', 'erspan', 'ipip', 'sit', 'ip6tnl', 'vti', 'vti6']),
  proto: text,
  remote: text,
  local: text,
  link: text,
  ttl: number,
  tos: hex,
  pmtudisc: flag,
  ignore_df: flag,
  ikey: text,
  okey: text,
  iseq: flag,
  oseq: flag,
  icsum: flag,
  ocsum: flag,
  external: flag,
  encap_limit: number,
  tclass: hex,
  flowlabel: hex,
  fwmark: hex,
  /** Of `sit` with 6rd. */
  prefix: text,
  prefixlen: number,
  relay_prefix: text,
  relay_prefixlen: number,
  erspan_ver: number,
  erspan_index: number,
  erspan_dir: text,
  erspan_hwid: hex,
});

/** Without what is not set: every kernel has such a link of each kind that was ever used. */
export function tunnelText({ remote, local, ikey, okey, ttl, external }: z.infer<typeof tunnel>): string {
  const set = (value: string | undefined): string | undefined =>
    value === 'any' || value === '0.0.0.0' ? undefined : value;
  return fieldsText({
    remote: set(remote),
    local: set(local),
    ikey: set(ikey),
    okey: set(okey),
    ttl: ttl === 0 ? undefined : ttl,
    external,
  });
}

export const vrf = z.object({ kind: z.literal('vrf'), table: z.number().int() });

export function vrfText({ table }: z.infer<typeof vrf>): string {
  return fieldsText({ table });
}
