/** The capture of a real network of its own, against what was configured there; and what each single change of it is told as. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { networkChanges } from '../../src/network/diff.ts';
import { networkText } from '../../src/network/text.ts';
import { type Network, parseNetwork } from '../../src/network/types.ts';
import { type Machine, machine, noMachine } from './machine.ts';
import { build, capture, settled } from './scene.ts';

const reason = noMachine();
if (reason !== undefined) console.log(`network namespaces: skipped: ${reason}`);

describe.skipIf(reason !== undefined)('a network in namespaces', () => {
  let own: Machine;
  let before: Network;
  beforeAll(async () => {
    own = await machine();
    build(own);
    await settled(own);
    before = await capture(own);
  });
  afterAll(async () => {
    await own[Symbol.asyncDispose]();
  });

  test('what was configured is in the document', () => {
    expect(before.gaps).toEqual([]);
    expect(parseNetwork(JSON.parse(JSON.stringify(before)))).toEqual(before);
    const link = (name: string) => before.links.find((found) => found.name === name);
    expect(before.hostname).toBe('web1');
    expect(link('veth0')).toMatchObject({
      kind: 'veth',
      peer: 'veth1',
      mtu: 1450,
      alias: 'uplink',
      alternativeNames: ['enp0veth0'],
      macOrigin: 'set',
      enabled: true,
    });
    expect(link('br0')).toMatchObject({
      lower: ['veth1', 'veth3'],
      detail: { kind: 'bridge', stp_state: 1, priority: 4096, forward_delay: 400, vlan_filtering: 0 },
    });
    expect(link('veth3')).toMatchObject({ master: 'br0', membership: { kind: 'bridge', hairpin: true, cost: 77 } });
    expect(link('mac0')).toMatchObject({ lower: ['veth0'], detail: { kind: 'macvlan', mode: 'bridge' } });
    expect(link('vx0')).toMatchObject({
      lower: ['veth0'],
      detail: { kind: 'vxlan', id: 42, local: '198.51.100.1', remote: '203.0.113.9', port: 4789, learning: true },
    });
    expect(link('tap0')).toMatchObject({ kind: 'tun', detail: { kind: 'tun', type: 'tap', persist: true } });
    expect(link('side0')).toMatchObject({ elsewhere: true });
    expect(link('mac0')?.addresses).toContainEqual(
      expect.objectContaining({ address: '192.0.2.77', peer: '192.0.2.78', prefix: 32 }),
    );
    expect(before.rules).toContainEqual({
      family: 'inet',
      priority: 1001,
      table: '78',
      incoming: 'veth0',
      mark: '0x7/0xff',
    });
    expect(before.rules).toContainEqual({
      family: 'inet',
      priority: 1003,
      not: true,
      from: '10.0.0.0/8',
      table: 'main',
      more: { suppress_prefixlen: 0 },
    });
    expect(before.rules).toContainEqual({ family: 'inet6', priority: 1002, to: '2001:db8:7::/48', table: '77' });
    expect(before.neighbours).toEqual([
      { address: '198.51.100.254', dev: 'veth0', mac: '02:00:00:00:09:09' },
      { address: '198.51.100.200', dev: 'veth0', proxy: true },
    ]);
    expect(before.routes).toContainEqual(
      expect.objectContaining({ destination: '10.7.0.0/16', metrics: { mtu: 1400, advmss: 1300 } }),
    );
    expect(before.namespaces).toEqual(['blue']);
    expect(before.dns).toEqual({ servers: ['192.0.2.53'], search: ['example.test'], options: ['edns0'] });
    expect(before.hosts).toContainEqual({ address: '192.0.2.10', names: ['web1.example.test', 'web1'] });
    expect(before.systems).toEqual([{ name: 'ifupdown', reason: 'its files configure veth0' }]);
    expect(before.firewall?.map(({ kind }) => kind)).toEqual(['nft']);
    expect(before.firewall?.[0]?.rules).toContain('192.0.2.1');
    // What rules put into a set by themselves is no configuration.
    expect(before.firewall?.[0]?.rules).not.toContain('192.0.2.99');
    expect(before.sysctls).toContainEqual({ key: 'net.ipv4.ip_forward', value: '1', default: '0' });
    expect(before.sysctls).toContainEqual(
      expect.objectContaining({ key: 'net.ipv4.conf.veth0.rp_filter', value: '2', file: '/etc/sysctl.d/10-own.conf' }),
    );
    expect(JSON.stringify(before)).not.toContain('hunter2');
    expect(networkText(before)).toContain('link veth0  veth  02:00:00:00:01:01');
  });

  test('captured again, nothing has changed', async () => {
    expect(networkChanges(before, await capture(own))).toEqual([]);
  });

  /** What is done, what undoes it, and the one change that it is. */
  test.each([
    [
      'ip addr add 203.0.113.5/32 dev veth2',
      'ip addr del 203.0.113.5/32 dev veth2',
      'added: link veth2: address 203.0.113.5/32',
      'recovery',
    ],
    [
      'ip addr del 2001:db8::1/64 dev veth0',
      'ip addr add 2001:db8::1/64 nodad dev veth0',
      'removed: link veth0: address 2001:db8::1/64',
      'recovery',
    ],
    ['ip link set veth2 mtu 1400', 'ip link set veth2 mtu 1500', 'link veth2: MTU was 1500, is 1400', 'recovery'],
    [
      'ip link set veth1 address 02:00:00:00:01:77',
      'ip link set veth1 address 02:00:00:00:01:02',
      'link veth1: MAC was 02:00:00:00:01:02, is 02:00:00:00:01:77',
      'recovery',
    ],
    [
      'ip link set br0 address 02:00:00:00:00:0c',
      'ip link set br0 address 02:00:00:00:00:0b',
      'link br0: MAC was 02:00:00:00:00:0b, is 02:00:00:00:00:0c',
      'recovery',
    ],
    [
      'ip link set mac0 address 02:00:00:00:02:02',
      'ip link set mac0 address 02:00:00:00:02:01',
      'link mac0: MAC was 02:00:00:00:02:01, is 02:00:00:00:02:02',
      'recovery',
    ],
    ['ip link set veth2 arp off', 'ip link set veth2 arp on', 'link veth2: ARP was on, is off', 'appearance'],
    ['ip link set mac0 arp off', 'ip link set mac0 arp on', 'link mac0: ARP was on, is off', 'recovery'],
    [
      'ip link set veth0 multicast off',
      'ip link set veth0 multicast on',
      'link veth0: multicast was on, is off',
      'appearance',
    ],
    [
      'ip link set veth0 promisc on',
      'ip link set veth0 promisc off',
      'link veth0: promiscuous mode was off, is on',
      'appearance',
    ],
    [
      'ip link set veth2 allmulticast on',
      'ip link set veth2 allmulticast off',
      'link veth2: all of multicast was off, is on',
      'appearance',
    ],
    [
      'ip link set veth2 down',
      'ip link set veth2 up',
      'link veth2: by its administrator it was on, is off',
      'appearance',
    ],
    ['ip link set mac0 down', 'ip link set mac0 up', 'link mac0: by its administrator it was on, is off', 'recovery'],
    [
      'ip link set veth1 type bridge_slave cost 55',
      'ip link set veth1 type bridge_slave cost 2',
      'link veth1: as a member of br0: cost was 2, is 55',
      'appearance',
    ],
    [
      'ip link set veth1 type bridge_slave priority 9',
      'ip link set veth1 type bridge_slave priority 32',
      'link veth1: as a member of br0: priority was 32, is 9',
      'appearance',
    ],
    [
      'ip link set veth0 alias other',
      'ip link set veth0 alias uplink',
      'link veth0: alias was uplink, is other',
      'appearance',
    ],
    [
      'ip link property add dev veth2 altname lan',
      'ip link property del dev veth2 altname lan',
      'link veth2: other names was not set, is lan',
      'appearance',
    ],
    [
      'ip link set br0 type bridge stp_state 0',
      'ip link set br0 type bridge stp_state 1',
      'link br0: stp_state was 1, is 0',
      'recovery',
    ],
    [
      'ip link set veth1 nomaster',
      'ip link set veth1 master br0',
      'link veth1: master was br0, is not set',
      'recovery',
    ],
    [
      'ip link set veth1 type bridge_slave guard on',
      'ip link set veth1 type bridge_slave guard off',
      'link veth1: as a member of br0: guard was false, is true',
      'appearance',
    ],
    [
      'ip link set mac0 type macvlan mode private',
      'ip link set mac0 type macvlan mode bridge',
      'link mac0: mode was bridge, is private',
      'recovery',
    ],
    ['ip link set vx0 type vxlan ttl 9', 'ip link set vx0 type vxlan ttl 0', 'link vx0: ttl was 0, is 9', 'recovery'],
    [
      'ip tuntap add tap1 mode tap',
      'ip tuntap del tap1 mode tap',
      expect.stringContaining('added: link tap1  tun  tap  persist'),
      'recovery',
    ],
    [
      'ip route add 10.99.0.0/16 via 198.51.100.9',
      'ip route del 10.99.0.0/16',
      'added: route 10.99.0.0/16 via 198.51.100.9 dev veth0',
      'recovery',
    ],
    [
      'ip route replace default via 198.51.100.9 metric 100',
      'ip route replace default via 198.51.100.254 metric 100',
      'route was default via 198.51.100.254 dev veth0 metric 100, is default via 198.51.100.9 dev veth0 metric 100',
      'recovery',
    ],
    [
      'ip route del blackhole 192.0.2.0/24',
      'ip route add blackhole 192.0.2.0/24',
      'removed: route blackhole 192.0.2.0/24',
      'recovery',
    ],
    [
      'ip rule add from 10.0.0.1 table 77 priority 1009',
      'ip rule del priority 1009',
      'added: policy rule 1009: from 10.0.0.1 table 77',
      'recovery',
    ],
    [
      'ip neigh replace 198.51.100.254 lladdr 02:00:00:00:09:0a dev veth0 nud permanent',
      'ip neigh replace 198.51.100.254 lladdr 02:00:00:00:09:09 dev veth0 nud permanent',
      'static neighbour was 198.51.100.254 at 02:00:00:00:09:09 dev veth0, is 198.51.100.254 at 02:00:00:00:09:0a dev veth0',
      'appearance',
    ],
    [
      'nft add rule inet filter input tcp dport 80 accept',
      'nft -f /etc/again.nft',
      'rules of nft have changed: + tcp dport 80 accept',
      'appearance',
    ],
    [
      'nft chain inet filter input { policy drop ; }',
      'nft chain inet filter input { policy accept ; }',
      expect.stringContaining('policy drop'),
      'recovery',
    ],
    ['ip netns add red', 'ip netns del red', 'added: network namespace red', 'appearance'],
  ])('%s', async (change, undo, text, risk) => {
    if (undo.startsWith('nft -f')) own.write('/etc/again.nft', `flush ruleset\n${own.run('nft list ruleset')}`);
    own.run(change);
    const changes = networkChanges(before, await capture(own)).map((found) => ({ text: found.text, risk: found.risk }));
    own.run(undo);
    expect(changes).toEqual([{ text, risk }]);
  });

  test.each([
    [
      '/etc/network/interfaces',
      'iface veth2 inet static\n',
      'file /etc/network/interfaces has changed: 6 lines gone, 1 new',
      'recovery',
    ],
    [
      '/etc/resolv.conf',
      'nameserver 192.0.2.54\nsearch example.test\noptions edns0\n',
      'name servers were 192.0.2.53, are 192.0.2.54',
      'appearance',
    ],
    [
      '/etc/hosts',
      '127.0.0.1 localhost\n',
      'removed: line of /etc/hosts 192.0.2.10 web1.example.test web1',
      'appearance',
    ],
    ['/proc/sys/net/ipv4/tcp_syncookies', '2', 'sysctl net.ipv4.tcp_syncookies was 1, is 2', 'appearance'],
    ['/proc/sys/kernel/hostname', 'web2', 'hostname was web1, is web2', 'appearance'],
  ])('a write to %s', async (path, content, text, risk) => {
    const old = own.run(`cat ${path}`);
    own.write(path, content);
    const changes = networkChanges(before, await capture(own)).map((found) => ({ text: found.text, risk: found.risk }));
    own.write(path, old);
    expect(changes).toEqual([{ text, risk }]);
  });

  test('addresses by lease, learned routes, links of containers and programs, and states are no changes', async () => {
    own.run('ip addr del 198.51.100.2/24 dev veth0');
    own.run('ip addr add 198.51.100.3/24 dev veth0 valid_lft 3600 preferred_lft 1800');
    own.run('ip route del 10.6.0.0/16');
    own.run('ip route del 10.5.0.0/16');
    own.run('ip link add veth7c0ffee type veth peer name eth9 netns blue');
    own.run('ip link set veth7c0ffee master br0');
    own.run('ip addr add 10.77.0.1/24 dev veth7c0ffee');
    own.run('ip link set veth7c0ffee up');
    own.run('ip route add 10.78.0.0/24 dev veth7c0ffee');
    own.run('ip link del side0');
    const changes = networkChanges(before, await capture(own));
    own.run('ip link set veth7c0ffee down');
    own.run('ip link set veth7c0ffee promisc on');
    changes.push(...networkChanges(before, await capture(own)));
    expect(changes).toEqual([]);
  });

  test('a link that goes is one change, with all that stood on it', async () => {
    own.run('ip link del mac0');
    const changes = networkChanges(before, await capture(own));
    expect(changes.map(({ text, risk }) => [risk, text])).toEqual([
      ['recovery', expect.stringMatching(/^removed: link mac0 {2}macvlan .* with 192\.0\.2\.77 to 192\.0\.2\.78\/32$/)],
    ]);
  });
});
