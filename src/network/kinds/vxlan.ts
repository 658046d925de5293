/** VXLANs (iproute2 `ip/iplink_vxlan.c`). The link below is also in the edges of the link. */
import { z } from 'zod';
import { fieldsText, flag, hex, number, text } from './common.ts';

/** iproute2 writes `true` for it in 5.10 and `null` in later versions: either says that it is there. */
const present = z
  .union([z.null(), z.boolean()])
  .transform((value) => value !== false)
  .exactOptional();

export const vxlan = z.object({
  kind: z.literal('vxlan'),
  id: number,
  group: text,
  group6: text,
  remote: text,
  remote6: text,
  local: text,
  local6: text,
  link: text,
  port_range: z.object({ low: z.number(), high: z.number() }).exactOptional(),
  port: number,
  tos: hex,
  ttl: number,
  df: text,
  label: hex,
  ageing: number,
  limit: number,
  gbp: present,
  gpe: present,
  external: flag,
  vnifilter: flag,
  learning: flag,
  proxy: flag,
  rsc: flag,
  l2miss: flag,
  l3miss: flag,
  udp_csum: flag,
  udp_zero_csum6_tx: flag,
  udp_zero_csum6_rx: flag,
  remcsum_tx: flag,
  remcsum_rx: flag,
  localbypass: flag,
  mcroute: flag,
});

/** What the kernel starts with: iproute2 prints some of these only where they differ. */
export const vxlanDefaults = { learning: true, udp_csum: true, localbypass: true, df: 'unset', ttl: 0 };

export function vxlanText(detail: z.infer<typeof vxlan>): string {
  return fieldsText({
    id: detail.id,
    remote: detail.remote ?? detail.remote6,
    group: detail.group ?? detail.group6,
    local: detail.local ?? detail.local6,
    port: detail.port,
    external: detail.external,
  });
}
