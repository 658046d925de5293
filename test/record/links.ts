/** The machine's network, in a network namespace of its own, and the files that describe it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ask, type Command, within } from './commands.ts';

const batch = `link set lo up
link add eth0 address 02:00:00:00:01:01 type veth peer name eth0p address 02:00:00:00:02:01
link add eth1 address 02:00:00:00:01:02 type veth peer name eth1p address 02:00:00:00:02:02
link set eth0 alias uplink
link add br0 address 02:00:00:00:01:03 type bridge
link set eth1 master br0
link add link eth0 name mac0 address 02:00:00:00:01:04 type macvlan mode bridge
link add vx0 address 02:00:00:00:01:05 type vxlan id 42 remote 198.51.100.9 dstport 4789 dev eth0
link set eth0p up
link set eth1p up
link set eth0 mtu 1400 up
link set eth1 up
link set br0 up
addr add 198.51.100.1/24 dev eth0
addr add 198.51.100.2/24 dev eth0 label eth0:1
addr add 2001:db8::1/64 dev eth0 nodad
addr add 192.168.7.1/24 dev br0
route add default via 198.51.100.254 dev eth0 metric 100
route add 203.0.113.0/24 nexthop via 198.51.100.253 weight 2 nexthop via 198.51.100.252
route add blackhole 192.0.2.0/24
route add 10.9.0.0/16 via 198.51.100.251 table 77
-6 route add 2001:db8:1::/48 via 2001:db8::fe dev eth0
rule add from 198.51.100.2 table 77 priority 1000
`;

const filter = `table inet filter {
  set admins { type ipv4_addr; flags interval; elements = { 198.51.100.0/28, 203.0.113.7 } }
  chain input {
    type filter hook input priority 0; policy accept;
    ct state established,related accept
    ip saddr @admins tcp dport 22 accept comment "ssh of \\$admins"
  }
}
`;

const files: Readonly<Record<string, string>> = {
  'etc/resolv.conf':
    'search example.net\nnameserver 198.51.100.53\nnameserver 2001:db8::53\noptions timeout:2 rotate\n',
  'etc/network/interfaces': `source /etc/network/interfaces.d/*
auto lo eth0
iface lo inet loopback
iface eth0 inet static
    address 198.51.100.1/24
    gateway 198.51.100.254
    mtu 1400
`,
  'etc/systemd/network/20-br0.network': '[Match]\nName=br0\n\n[Network]\nAddress=192.168.7.1/24\n',
  'etc/nftables.conf': `#!/usr/sbin/nft -f\nflush ruleset\n\n${filter}`,
  'etc/sysctl.d/50-router.conf': 'net.ipv4.ip_forward = 1\n',
};

/** What a kernel lacks (kinds of links, packet filter) is left out: it is not the same on every machine that records. */
export function connect(root: string): void {
  for (const line of batch.trimEnd().split('\n')) tolerant(root, ['ip', ...line.split(' ')]);
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    rmSync(file, { force: true });
    writeFileSync(file, content);
  }
  tolerant(root, ['nft', '-f', '/etc/nftables.conf']);
  tolerant(root, ['sysctl', '-q', '-p', '/etc/sysctl.d/50-router.conf']);
}

function tolerant(root: string, command: Command): void {
  const { code, stderr } = ask(within(root, command));
  if (code !== 0) console.warn(`left out: ${command.join(' ')}: ${stderr.trim()}`);
}
