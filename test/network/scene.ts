/** A network with one of each kind of link that a plain kernel makes, and everything that can be configured around them. */
import { setTimeout as delay } from 'node:timers/promises';
import { captureNetwork } from '../../src/network/capture.ts';
import type { Network } from '../../src/network/types.ts';
import type { Machine } from './machine.ts';

const links = `
ip link set lo up
ip link add veth0 type veth peer name veth1
ip link set veth0 address 02:00:00:00:01:01
ip link set veth1 address 02:00:00:00:01:02
ip link add br0 type bridge stp_state 1 priority 4096 forward_delay 400
ip link set br0 address 02:00:00:00:00:0b
ip link set veth1 master br0
ip link add veth2 type veth peer name veth3
ip link set veth3 master br0
ip link set veth3 type bridge_slave hairpin on cost 77
ip link add mac0 link veth0 type macvlan mode bridge
ip link set mac0 address 02:00:00:00:02:01
ip link add vx0 type vxlan id 42 local 198.51.100.1 remote 203.0.113.9 dstport 4789 dev veth0
ip tuntap add tap0 mode tap
ip link add side0 type veth peer name inner0
ip netns add blue
ip link set inner0 netns blue
ip link set veth0 mtu 1450 alias uplink
ip link property add dev veth0 altname enp0veth0
ip link set veth0 up
ip link set veth1 up
ip link set veth2 up
ip link set veth3 up
ip link set br0 up
ip link set mac0 up
ip link set vx0 up
`;

const addresses = `
ip addr add 198.51.100.1/24 brd + dev veth0
ip addr add 198.51.100.2/24 dev veth0 valid_lft 3600 preferred_lft 1800
ip addr add 192.0.2.77 peer 192.0.2.78/32 dev mac0
ip addr add 2001:db8::1/64 nodad dev veth0
ip addr add 2001:db8::2/64 nodad dev veth0 valid_lft 3600 preferred_lft 1800
ip route add default via 198.51.100.254 metric 100
ip -6 route add default via 2001:db8::fe dev veth0
ip route add 10.9.0.0/16 via 198.51.100.251 table 77 src 198.51.100.1
ip route add blackhole 192.0.2.0/24
ip route add unreachable 192.0.3.0/24 metric 9
ip route add 10.8.0.0/16 nexthop via 198.51.100.253 weight 2 nexthop via 198.51.100.252
ip route add 10.7.0.0/16 via 198.51.100.250 mtu 1400 advmss 1300
ip route add 10.6.0.0/16 via 198.51.100.249 proto dhcp
ip route add 10.5.0.0/16 via 198.51.100.248 proto bird
ip rule add from 198.51.100.1 table 77 priority 1000
ip rule add fwmark 0x7/0xff iif veth0 table 78 priority 1001
ip -6 rule add to 2001:db8:7::/48 table 77 priority 1002
ip rule add not from 10.0.0.0/8 suppress_prefixlength 0 table main priority 1003
ip rule add ipproto 6 dport 443 table 77 priority 1004
ip neigh replace 198.51.100.254 lladdr 02:00:00:00:09:09 dev veth0 nud permanent
ip neigh add proxy 198.51.100.200 dev veth0
`;

const ruleset = `table inet filter {
  set allowed {
    type ipv4_addr
    elements = { 192.0.2.1, 192.0.2.2 }
  }
  set seen {
    type ipv4_addr
    flags dynamic,timeout
    timeout 1m
    elements = { 192.0.2.99 }
  }
  chain input {
    type filter hook input priority 0; policy accept;
    counter
    tcp dport 22 accept
    ip saddr @allowed accept
  }
}
`;

const files: Readonly<Record<string, string>> = {
  '/etc/hostname': 'web1\n',
  '/etc/network/interfaces':
    'auto lo\niface lo inet loopback\nauto veth0\niface veth0 inet static\n  address 198.51.100.1/24\n  wpa-psk hunter2-secret\n',
  '/etc/wireguard/wg0.conf': '[Interface]\nPrivateKey = hunter2-secret\nListenPort = 51820\n',
  '/etc/sysctl.d/10-own.conf': 'net.ipv4.conf.veth0.rp_filter = 2\nkernel.own_invention = 1\n',
};

export function build({ run, write }: Machine): void {
  for (const line of `${links}${addresses}`.split('\n')) if (line !== '') run(line);
  run('nft -f -', ruleset);
  run('tee /proc/sys/net/ipv4/conf/veth0/rp_filter', '2\n');
  run('tee /proc/sys/net/ipv4/ip_forward', '1\n');
  for (const [path, content] of Object.entries(files)) write(path, content);
}

export const capture = async (of: Machine): Promise<Network> =>
  await captureNetwork(of.host, new Date(), new AbortController().signal);

/** Until the kernel has finished with duplicate addresses and the states of new links. */
export async function settled(of: Machine): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const addresses = of.run('ip -6 addr show tentative');
    if (addresses.trim() === '') return;
    await delay(50);
  }
}
