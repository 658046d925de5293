/**
 * Kinds that the kernel of the tests does not make; `lab.test.ts` has what real ones say. The entries are put together from the sources of iproute2 7.1
 * (`ip/iplink_bond.c`, `iplink_bond_slave.c`, `iplink_vlan.c`, `iplink_ipvlan.c`, `iplink_bridge.c`, `bridge/vlan.c`) and of
 * wireguard-tools 1.0 (`showall` in `show.c`): their keys and forms, with values that are made up.
 */
import { describe, expect, test } from 'vitest';
import { parseBridgeVlans, withBridgeVlans } from '../bridge-vlans.ts';
import { recordedHost } from '../../host/recorded.ts';
import { asker } from '../../host/asker.ts';
import { parseTable, withDaemons, wireguardOf } from '../daemons.ts';
import { networkChanges } from '../diff.ts';
import { parseLinks } from '../links.ts';
import { networkText } from '../text.ts';
import { type Link, type Network, parseNetwork } from '../types.ts';

const common = {
  flags: ['MULTICAST', 'UP'],
  mtu: 1500,
  operstate: 'UP',
  group: 'default',
  link_type: 'ether',
  addr_info: [],
};
const entries = [
  {
    ...common,
    ifindex: 2,
    ifname: 'eth0',
    master: 'bond0',
    address: '02:00:00:00:00:01',
    linkinfo: {
      info_slave_kind: 'bond',
      info_slave_data: {
        state: 'ACTIVE',
        mii_status: 'UP',
        link_failure_count: 3,
        perm_hwaddr: '02:00:00:00:00:01',
        queue_id: 0,
        prio: 10,
        ad_aggregator_id: 1,
        ad_actor_oper_port_state: 61,
        ad_actor_oper_port_state_str: ['active', 'in_sync'],
      },
    },
  },
  {
    ...common,
    ifindex: 3,
    ifname: 'eth1',
    master: 'bond0',
    address: '02:00:00:00:00:01',
    permaddr: '02:00:00:00:00:02',
    linkinfo: { info_slave_kind: 'bond', info_slave_data: { state: 'BACKUP', mii_status: 'UP', queue_id: 0, prio: 0 } },
  },
  {
    ...common,
    ifindex: 4,
    ifname: 'bond0',
    address: '02:00:00:00:00:01',
    linkinfo: {
      info_kind: 'bond',
      info_data: {
        mode: '802.3ad',
        active_slave: 'eth0',
        miimon: 100,
        updelay: 0,
        downdelay: 0,
        peer_notify_delay: 0,
        use_carrier: 1,
        arp_interval: 0,
        arp_missed_max: 2,
        arp_validate: null,
        arp_all_targets: 'any',
        primary_reselect: 'always',
        fail_over_mac: 'none',
        xmit_hash_policy: 'layer3+4',
        resend_igmp: 1,
        num_peer_notif: 1,
        all_slaves_active: 0,
        min_links: 1,
        lp_interval: 1,
        packets_per_slave: 1,
        ad_lacp_active: 'on',
        ad_lacp_rate: 'fast',
        ad_select: 'stable',
        ad_info: { aggregator: 1, num_ports: 2, actor_key: 9, partner_key: 1, partner_mac: '00:00:00:00:00:00' },
        ad_actor_sys_prio: 65535,
        ad_user_port_key: 0,
        ad_actor_system: '00:00:00:00:00:00',
        tlb_dynamic_lb: 1,
      },
    },
  },
  {
    ...common,
    ifindex: 5,
    ifname: 'bond0.12',
    link: 'bond0',
    address: '02:00:00:00:00:01',
    linkinfo: {
      info_kind: 'vlan',
      info_data: { protocol: '802.1Q', id: 12, flags: ['REORDER_HDR'], egress_qos: [{ from: 1, to: 2 }] },
    },
  },
  {
    ...common,
    ifindex: 6,
    ifname: 'ipv0',
    link: 'bond0',
    linkinfo: { info_kind: 'ipvlan', info_data: { mode: 'l3s', private: true } },
  },
  { ...common, ifindex: 7, ifname: 'wg0', link_type: 'none', linkinfo: { info_kind: 'wireguard' } },
  { ...common, ifindex: 8, ifname: 'team0', linkinfo: { info_kind: 'team' } },
  { ...common, ifindex: 9, ifname: 'd0', linkinfo: { info_kind: 'dummy' } },
  {
    ...common,
    ifindex: 10,
    ifname: 'br0',
    linkinfo: { info_kind: 'bridge', info_data: { stp_state: 0, vlan_filtering: 1, vlan_default_pvid: 1 } },
  },
  { ...common, ifindex: 11, ifname: 'hsr0', linkinfo: { info_kind: 'hsr', info_data: { proto: 1, seq_nr: 4711 } } },
];

const signal = new AbortController().signal;
const tables = {
  'public-key': 'wg0\tPUBLIC0=\n',
  'listen-port': 'wg0\t51820\n',
  fwmark: 'wg0\toff\n',
  endpoints: 'wg0\tPEER1=\t192.0.2.9:51820\nwg0\tPEER2=\t(none)\n',
  'allowed-ips': 'wg0\tPEER1=\t10.0.0.0/24 fd00::/64\nwg0\tPEER2=\t(none)\n',
  'persistent-keepalive': 'wg0\tPEER1=\t25\nwg0\tPEER2=\toff\n',
};
const commands = [
  ...Object.entries(tables).map(([question, stdout]) => ({ argv: ['wg', 'show', 'all', question], code: 0, stdout })),
  {
    argv: ['teamdctl', 'team0', 'config', 'dump', 'actual'],
    code: 0,
    stdout: '{"device":"team0","runner":{"name":"lacp"},"ports":{"eth5":{}}}',
  },
  {
    argv: ['bridge', '-j', '-compressvlans', 'vlan', 'show'],
    code: 0,
    stdout:
      '[{"ifname":"br0","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":20,"vlanEnd":29,"flags":[]}]}]',
  },
];

async function network(changed: (entry: (typeof entries)[number]) => object = (entry) => entry): Promise<Network> {
  const questions = asker(recordedHost({ commands }), signal);
  const { links, gaps } = parseLinks(JSON.stringify(entries.map(changed)));
  const described = await withDaemons(questions, await withBridgeVlans(questions, links));
  const sections = { routes: [], rules: [], dns: { servers: [], search: [] }, gaps: [...gaps, ...questions.gaps] };
  return parseNetwork({
    format: 'lifeboat.network/1',
    capturedAt: '2026-11-20T12:00:00Z',
    hostname: 'web1',
    links: described,
    ...sections,
  });
}

/** With the field of a setting changed. */
const set = (name: string, field: string, value: unknown) => (entry: (typeof entries)[number]) =>
  entry.ifname === name
    ? { ...entry, linkinfo: { ...entry.linkinfo, info_data: { ...entry.linkinfo?.info_data, [field]: value } } }
    : entry;

describe('bond, VLAN, ipvlan, WireGuard, team, dummy, a filtering bridge', () => {
  test('details and edges', async () => {
    const { links, gaps } = await network();
    expect(gaps).toEqual([]);
    const link = (name: string): Link | undefined => links.find((found) => found.name === name);
    expect(link('bond0')).toMatchObject({ lower: ['eth0', 'eth1'], detail: { mode: '802.3ad', ad_lacp_rate: 'fast' } });
    // What is state, and no setting.
    expect(JSON.stringify(links)).not.toMatch(/active_slave|ad_info|link_failure_count|mii_status/);
    expect(link('eth0')?.membership).toEqual({ kind: 'bond', queue_id: 0, prio: 10 });
    expect(link('eth1')).toMatchObject({ permanentMac: '02:00:00:00:00:02', master: 'bond0' });
    expect(link('bond0.12')).toMatchObject({ lower: ['bond0'], detail: { id: 12, egress_qos: [{ from: 1, to: 2 }] } });
    expect(link('ipv0')?.detail).toEqual({ kind: 'ipvlan', mode: 'l3s', private: true });
    expect(link('wg0')?.detail).toEqual({
      kind: 'wireguard',
      publicKey: 'PUBLIC0=',
      listenPort: 51820,
      peers: [
        {
          publicKey: 'PEER1=',
          endpoint: '192.0.2.9:51820',
          allowedIps: ['10.0.0.0/24', 'fd00::/64'],
          keepaliveSeconds: 25,
        },
        { publicKey: 'PEER2=', allowedIps: [] },
      ],
    });
    expect(link('team0')?.detail).toMatchObject({ kind: 'team', config: { runner: { name: 'lacp' } } });
    expect(link('br0')?.vlans).toEqual([
      { vlan: 1, pvid: true, untagged: true },
      { vlan: 20, vlanEnd: 29 },
    ]);
    expect(link('hsr0')?.detail).toEqual({ kind: 'other', data: { proto: 1, seq_nr: 4711 } });
  });

  test('in words', async () => {
    expect(networkText(await network())).toMatchSnapshot();
  });

  test.each([
    ['bond0', 'mode', 'active-backup', 'link bond0: mode was 802.3ad, is active-backup'],
    ['bond0', 'miimon', 200, 'link bond0: miimon was 100, is 200'],
    ['bond0', 'primary', 'eth1', 'link bond0: primary was not set, is eth1'],
    ['bond0.12', 'id', 13, 'link bond0.12: id was 12, is 13'],
    ['ipv0', 'mode', 'l2', 'link ipv0: mode was l3s, is l2'],
    ['br0', 'vlan_default_pvid', 0, 'link br0: vlan_default_pvid was 1, is 0'],
  ])('%s: %s is %j', async (name, field, value, text) => {
    const changes = networkChanges(await network(), await network(set(name, field, value)));
    expect(changes.map((change) => [change.text, change.risk])).toEqual([[text, 'recovery']]);
  });

  test.each([
    ['bond0', 'active_slave', 'eth1'],
    ['bond0', 'ad_info', {}],
    ['bond0', 'broadcast_neighbor', false],
    ['bond0', 'coupled_control', true],
    ['bond0', 'arp_missed_max', undefined],
    ['bond0', 'ad_lacp_active', undefined],
    ['br0', 'mst_enabled', 0],
    ['br0', 'hello_timer', 1.5],
    ['hsr0', 'seq_nr', 4712],
  ])('%s: %s is %j: state, or a default of another version of iproute2, is no change', async (name, field, value) => {
    expect(networkChanges(await network(), await network(set(name, field, value)))).toEqual([]);
  });

  test('settings that are not understood are a gap of that link alone, and no change', async () => {
    const odd = await network(set('bond0', 'mode', 7));
    expect(odd.gaps.map(({ subject }) => subject)).toEqual(['settings of link bond0']);
    expect(odd.links).toHaveLength(entries.length);
    expect(networkChanges(await network(), odd)).toEqual([]);
  });
});

test('VXLAN of iproute2 5.10 and of later versions', () => {
  const of = (more: object) =>
    parseLinks(
      JSON.stringify([
        {
          ...common,
          ifindex: 2,
          ifname: 'vx0',
          linkinfo: { info_kind: 'vxlan', info_data: { id: 7, learning: true, ...more } },
        },
      ]),
    ).links[0]?.detail;
  expect(of({ gbp: null, localbypass: true })).toEqual({
    kind: 'vxlan',
    id: 7,
    learning: true,
    localbypass: true,
    gbp: true,
  });
  expect(of({ gbp: true })).toEqual({ kind: 'vxlan', id: 7, learning: true, gbp: true });
});

describe('WireGuard', () => {
  test('no question is asked that a secret could answer', async () => {
    expect(Object.keys(tables)).not.toContain('dump');
    const { links } = parseLinks(JSON.stringify(entries));
    const plain = links.filter(({ kind }) => kind !== 'wireguard' && kind !== 'team');
    // Nothing is asked where there is no such link: asking would load the module.
    expect(await withDaemons(asker(recordedHost({ commands: [] }), signal), plain)).toEqual(plain);
  });

  test('without permission there is one gap, and the link', async () => {
    const questions = asker(recordedHost({ commands: [] }), signal);
    const { links } = parseLinks(JSON.stringify(entries.filter(({ ifname }) => ifname === 'wg0')));
    expect(await withDaemons(questions, links)).toEqual(links);
    expect(questions.gaps.map(({ subject }) => subject)).toEqual(['WireGuard']);
  });

  test('a peer that moves is no change; one that comes is', () => {
    const of = (endpoints: string, ips: string) =>
      wireguardOf('wg0', { endpoints: parseTable(endpoints), 'allowed-ips': parseTable(ips) });
    const base = of('wg0\tA\t192.0.2.1:1', 'wg0\tA\t10.0.0.1/32');
    expect(base.peers[0]?.endpoint).toBe('192.0.2.1:1');
    expect(of('wg0\tA\t192.0.2.2:9', 'wg0\tA\t10.0.0.1/32\nwg0\tB\t(none)').peers).toHaveLength(2);
  });

  test.each(['x', 'a\tb\tc\td\n', '\u0000'])('%j is no answer of wg', (text) => {
    expect(() => parseTable(text)).toThrow(Error);
  });
});

test.each(['{}', '[{"ifname":1}]', 'x'])('%s is no answer of bridge', (text) => {
  expect(() => parseBridgeVlans(text)).toThrow(Error);
});
