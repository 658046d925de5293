/** Bridges and their ports (iproute2 `ip/iplink_bridge.c`, `ip/iplink_bridge_slave.c`). Times are in hundredths of a second. */
import { z } from 'zod';
import { bit, fieldsText, hex, number, text } from './common.ts';

export const bridge = z.object({
  kind: z.literal('bridge'),
  forward_delay: number,
  hello_time: number,
  max_age: number,
  ageing_time: number,
  stp_state: number,
  stp_mode: text,
  priority: number,
  vlan_filtering: number,
  vlan_protocol: text,
  fdb_max_learned: number,
  vlan_default_pvid: number,
  vlan_stats_enabled: number,
  vlan_stats_per_port: number,
  group_fwd_mask: hex,
  group_addr: text,
  mcast_snooping: number,
  no_linklocal_learn: number,
  mcast_vlan_snooping: number,
  mst_enabled: number,
  mcast_router: number,
  mcast_query_use_ifaddr: number,
  mcast_querier: number,
  mcast_hash_max: number,
  mcast_last_member_cnt: number,
  mcast_startup_query_cnt: number,
  mcast_last_member_intvl: number,
  mcast_membership_intvl: number,
  mcast_querier_intvl: number,
  mcast_query_intvl: number,
  mcast_query_response_intvl: number,
  mcast_startup_query_intvl: number,
  mcast_stats_enabled: number,
  mcast_igmp_version: number,
  mcast_mld_version: number,
  nf_call_iptables: number,
  nf_call_ip6tables: number,
  nf_call_arptables: number,
});

export const bridgePort = z.object({
  kind: z.literal('bridge'),
  priority: number,
  /** Follows the speed of the link unless it was set; the kernel does not tell which. The spanning tree never changes it. */
  cost: number,
  hairpin: bit,
  guard: bit,
  root_block: bit,
  fastleave: bit,
  learning: bit,
  flood: bit,
  proxy_arp: bit,
  proxy_arp_wifi: bit,
  multicast_router: number,
  mcast_flood: bit,
  bcast_flood: bit,
  mcast_to_unicast: bit,
  neigh_suppress: bit,
  neigh_vlan_suppress: bit,
  neigh_forward_grat: bit,
  group_fwd_mask: hex,
  vlan_tunnel: bit,
  isolated: bit,
  locked: bit,
  mab: bit,
  backup_port: text,
});

/** What the kernel starts with, for what older versions of iproute2 do not print. */
export const bridgeDefaults = { stp_mode: 'auto', bcast_flood: true };

export function bridgeText({ stp_state, priority, vlan_filtering }: z.infer<typeof bridge>): string {
  return fieldsText({
    stp: stp_state === 1 ? `on  priority ${priority ?? '?'}` : stp_state === undefined ? undefined : 'off',
    'vlan filtering': vlan_filtering === 1 ? 'on' : undefined,
  });
}
