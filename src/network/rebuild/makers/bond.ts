import type { Detail, Port } from '../../kinds/kinds.ts';
import { command, loaded, maker } from './maker.ts';
import { bit, onOff, type Options, plainly, value, wordsOf } from './options.ts';

const options: Options = [
  ...plainly(value, 'mode miimon updelay downdelay peer_notify_delay'),
  ...plainly(bit, 'use_carrier'),
  ...plainly(value, 'arp_interval arp_missed_max'),
  ['arp_ip_target', (list) => targets('arp_ip_target', list)],
  ['ns_ip6_target', (list) => targets('ns_ip6_target', list)],
  ...plainly(value, 'arp_validate arp_all_targets primary_reselect fail_over_mac xmit_hash_policy resend_igmp'),
  ['num_peer_notif', value('num_grat_arp')],
  ...plainly(bit, 'all_slaves_active'),
  ...plainly(value, 'min_links lp_interval packets_per_slave'),
  ['tlb_dynamic_lb', bit('tlb_dynamic_lb')],
  ['ad_lacp_active', value('lacp_active')],
  ['ad_lacp_rate', value('lacp_rate')],
  ['coupled_control', onOff('coupled_control')],
  ...plainly(value, 'ad_select ad_user_port_key ad_actor_sys_prio ad_actor_system'),
];

/** As the kernel starts (`bond_check_params` of `drivers/net/bonding/bond_main.c`). What is set without need is refused in many modes. */
const usual = {
  miimon: 0,
  updelay: 0,
  downdelay: 0,
  peer_notify_delay: 0,
  use_carrier: 1,
  arp_interval: 0,
  arp_missed_max: 2,
  arp_validate: 'none',
  arp_all_targets: 'any',
  primary_reselect: 'always',
  fail_over_mac: 'none',
  xmit_hash_policy: 'layer2',
  resend_igmp: 1,
  num_peer_notif: 1,
  all_slaves_active: 0,
  min_links: 0,
  lp_interval: 1,
  packets_per_slave: 1,
  tlb_dynamic_lb: 1,
  ad_lacp_active: 'on',
  ad_lacp_rate: 'slow',
  coupled_control: true,
  ad_select: 'stable',
  ad_user_port_key: 0,
  ad_actor_sys_prio: 65535,
  ad_actor_system: '00:00:00:00:00:00',
};

function targets(word: string, list: unknown): readonly string[] {
  const found = Array.isArray(list) ? list.filter((one) => typeof one === 'string') : [];
  return found.length === 0 ? [] : [word, found.join(',')];
}

export const bond = maker(['bond'], {
  // Its primary member is told when it has members.
  create: ({ name }, detail) => [
    ...loaded(name, 'bond'),
    command('ip', 'link', 'add', 'name', name, 'type', 'bond', ...wordsOf(settled(detail), options, usual)),
  ],
});

/** Of no use without an interval, and refused. */
function settled(detail: Extract<Detail, { kind: 'bond' }>): object {
  const { tlb_dynamic_lb: dynamic, ...rest } = detail;
  return detail.mode === 'balance-tlb' ? { ...rest, tlb_dynamic_lb: Number(dynamic ?? 1) } : rest;
}

const ofPort: Options = plainly(value, 'queue_id prio');

export const bondPort = (port: Extract<Port, { kind: 'bond' }>): string[] =>
  wordsOf(port, ofPort, { queue_id: 0, prio: 0 });
