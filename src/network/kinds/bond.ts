/** Bonds (iproute2 `ip/iplink_bond.c`, `ip/iplink_bond_slave.c`). */
import { z } from 'zod';
import { bit, fieldsText, number, text } from './common.ts';

export const bond = z.object({
  kind: z.literal('bond'),
  mode: text,
  miimon: number,
  updelay: number,
  downdelay: number,
  peer_notify_delay: number,
  use_carrier: bit,
  arp_interval: number,
  arp_missed_max: number,
  arp_ip_target: z.array(z.string().nullable()).exactOptional(),
  ns_ip6_target: z.array(z.string().nullable()).exactOptional(),
  arp_validate: z.string().nullable().exactOptional(),
  arp_all_targets: text,
  primary: text,
  primary_reselect: text,
  fail_over_mac: text,
  xmit_hash_policy: text,
  resend_igmp: number,
  num_peer_notif: number,
  all_slaves_active: bit,
  min_links: number,
  lp_interval: number,
  packets_per_slave: number,
  ad_lacp_active: text,
  ad_lacp_rate: text,
  coupled_control: bit,
  broadcast_neighbor: bit,
  ad_select: text,
  ad_actor_sys_prio: number,
  ad_user_port_key: number,
  ad_actor_system: text,
  tlb_dynamic_lb: bit,
});

export const bondPort = z.object({ kind: z.literal('bond'), queue_id: number, prio: number });

/** What the kernel starts with, for what older versions of iproute2 do not print. */
export const bondDefaults = {
  peer_notify_delay: 0,
  arp_missed_max: 2,
  ad_lacp_active: 'on',
  coupled_control: true,
  use_carrier: 1,
};

const hashing = new Set(['802.3ad', 'balance-xor', 'balance-tlb']);

export function bondText(detail: z.infer<typeof bond>): string {
  const { mode, miimon, primary, xmit_hash_policy, ad_lacp_rate, arp_interval, arp_ip_target } = detail;
  return fieldsText({
    mode,
    miimon: miimon === 0 ? undefined : miimon,
    primary,
    xmit_hash_policy: hashing.has(mode ?? '') ? xmit_hash_policy : undefined,
    ad_lacp_rate: mode === '802.3ad' ? ad_lacp_rate : undefined,
    arp_interval: arp_interval === 0 ? undefined : arp_interval,
    arp_ip_target,
  });
}
