import type { Port } from '../../kinds/kinds.ts';
import { command, maker } from './maker.ts';
import { onOff, type Options, plainly, value, wordsOf } from './options.ts';

const options: Options = [
  ...plainly(value, 'forward_delay hello_time max_age ageing_time stp_mode stp_state priority'),
  ...plainly(value, 'vlan_protocol vlan_default_pvid vlan_stats_enabled vlan_stats_per_port vlan_filtering'),
  ...plainly(value, 'group_fwd_mask fdb_max_learned no_linklocal_learn mcast_vlan_snooping mst_enabled'),
  ['group_addr', value('group_address')],
  ...plainly(value, 'mcast_snooping mcast_router mcast_query_use_ifaddr mcast_querier mcast_hash_max'),
  ['mcast_last_member_cnt', value('mcast_last_member_count')],
  ['mcast_startup_query_cnt', value('mcast_startup_query_count')],
  ['mcast_last_member_intvl', value('mcast_last_member_interval')],
  ['mcast_membership_intvl', value('mcast_membership_interval')],
  ['mcast_querier_intvl', value('mcast_querier_interval')],
  ['mcast_query_intvl', value('mcast_query_interval')],
  ['mcast_query_response_intvl', value('mcast_query_response_interval')],
  ['mcast_startup_query_intvl', value('mcast_startup_query_interval')],
  ...plainly(value, 'mcast_stats_enabled mcast_igmp_version mcast_mld_version'),
  ...plainly(value, 'nf_call_iptables nf_call_ip6tables nf_call_arptables'),
];

/** As the kernel starts (`br_dev_setup`, `br_multicast_ctx_init`): what a kernel was built without is refused, even as it is. */
const usual = {
  forward_delay: 1500,
  hello_time: 200,
  max_age: 2000,
  ageing_time: 30_000,
  stp_mode: 'auto',
  stp_state: 0,
  priority: 32_768,
  vlan_protocol: '802.1Q',
  vlan_default_pvid: 1,
  vlan_stats_enabled: 0,
  vlan_stats_per_port: 0,
  vlan_filtering: 0,
  group_fwd_mask: '0',
  fdb_max_learned: 0,
  no_linklocal_learn: 0,
  mcast_vlan_snooping: 0,
  mst_enabled: 0,
  // One that is set is not chosen by the kernel any more.
  group_addr: '01:80:c2:00:00:00',
  mcast_snooping: 1,
  mcast_router: 1,
  mcast_query_use_ifaddr: 0,
  mcast_querier: 0,
  mcast_hash_max: 4096,
  mcast_last_member_cnt: 2,
  mcast_startup_query_cnt: 2,
  mcast_last_member_intvl: 100,
  mcast_membership_intvl: 26_000,
  mcast_querier_intvl: 25_500,
  mcast_query_intvl: 12_500,
  mcast_query_response_intvl: 1000,
  mcast_startup_query_intvl: 3125,
  mcast_stats_enabled: 0,
  mcast_igmp_version: 2,
  mcast_mld_version: 1,
  nf_call_iptables: 0,
  nf_call_ip6tables: 0,
  nf_call_arptables: 0,
};

export const bridge = maker(['bridge'], {
  create: ({ name }, detail) => [
    command('ip', 'link', 'add', 'name', name, 'type', 'bridge', ...wordsOf(detail, options, usual)),
  ],
});

const ofPort: Options = [
  ...plainly(value, 'priority cost'),
  ...plainly(onOff, 'hairpin guard root_block fastleave learning flood proxy_arp proxy_arp_wifi'),
  ['multicast_router', value('mcast_router')],
  ...plainly(onOff, 'mcast_flood bcast_flood mcast_to_unicast neigh_suppress neigh_vlan_suppress neigh_forward_grat'),
  ...plainly(value, 'group_fwd_mask'),
  ...plainly(onOff, 'vlan_tunnel isolated locked mab'),
  ...plainly(value, 'backup_port'),
];

const usualPort = {
  priority: 32,
  proxy_arp_wifi: false,
  mcast_to_unicast: false,
  bcast_flood: true,
  neigh_suppress: false,
  neigh_vlan_suppress: false,
  neigh_forward_grat: false,
  group_fwd_mask: '0',
  vlan_tunnel: false,
  isolated: false,
  locked: false,
  mab: false,
};

export function bridgePort(port: Extract<Port, { kind: 'bridge' }>, followsSpeed: boolean): string[] {
  const { cost, ...rest } = port;
  return wordsOf(followsSpeed || cost === undefined ? rest : { ...rest, cost }, ofPort, usualPort);
}
