/** Files of each system for other cards: what identifies a card and names it is replaced, all else stays, byte by byte. */
import { describe, expect, test } from 'vitest';
import { pinnedNames } from './formats.ts';
import type { Identities } from './identities.ts';
import { renamedPath } from './names.ts';
import { rewritten } from './rewrite.ts';

/** ens3 is called enp1s0 now, ens4 and ens5 have exchanged their names. */
const identities: Identities = {
  macs: new Map([
    ['52:54:00:00:00:03', '52:54:00:aa:00:03'],
    ['52:54:00:00:00:04', '52:54:00:aa:00:04'],
    ['52:54:00:00:00:0b', '52:54:00:aa:00:0b'],
  ]),
  paths: new Map([['pci-0000:00:03.0', 'pci-0000:01:00.0']]),
  drivers: new Map([['virtio_net', ['e1000e', 'igb']]]),
  names: new Map([
    ['ens3', 'enp1s0'],
    ['ens4', 'ens5'],
    ['ens5', 'ens4'],
  ]),
};

/** A line that becomes another, after an arrow; all others stay. */
const table: readonly (readonly [string, string, string])[] = [
  [
    'ifupdown',
    '/etc/network/interfaces',
    `# ens3 is the uplink
source /etc/network/interfaces.d/ens3
auto lo ens3
 → auto lo enp1s0
iface lo inet loopback
iface ens3 inet static
 → iface enp1s0 inet static
  address 192.0.2.3/24
  hwaddress ether 52:54:00:00:00:03
  up ip route add 10.0.0.0/8 via 192.0.2.1 dev ens3
 →   up ip route add 10.0.0.0/8 via 192.0.2.1 dev enp1s0
  up echo 1 > /proc/sys/net/ipv4/conf/ens3/proxy_arp
 →   up echo 1 > /proc/sys/net/ipv4/conf/enp1s0/proxy_arp
  up ethtool -K ens3 tso off; cat /sys/class/net/ens3/mtu
 →   up ethtool -K enp1s0 tso off; cat /sys/class/net/enp1s0/mtu
iface ens3.100 inet manual
 → iface enp1s0.100 inet manual
  vlan-raw-device ens3
 →   vlan-raw-device enp1s0
iface ens3:1 inet static
 → iface enp1s0:1 inet static
iface br0 inet manual
  bridge_ports ens4 ens5 ens33
 →   bridge_ports ens5 ens4 ens33
  bond-primary ens5
 →   bond-primary ens4
  wpa-psk ens3-secret`,
  ],
  [
    'systemd-networkd',
    '/etc/systemd/network/10-uplink.network',
    `[Match]
Name=ens3
 → Name=enp1s0
PermanentMACAddress=52-54-00-00-00-03
 → PermanentMACAddress=52-54-00-aa-00-03
Path=pci-0000:00:03.0
 → Path=pci-0000:01:00.0
Driver=virtio_net
 → Driver=e1000e igb
[Link]
MACAddress=52:54:00:00:00:03
[Network]
VLAN=ens3.100
 → VLAN=enp1s0.100
Description=52:54:00:00:00:03`,
  ],
  [
    'systemd-networkd, a pattern',
    '/etc/systemd/network/20-all.network',
    `[Match]\nName=ens*\n → Name=ens* enp1s0\n[Network]\nDHCP=yes`,
  ],
  [
    'a link file',
    '/etc/systemd/network/10-lan.link',
    `[Match]
MACAddress=52:54:00:00:00:03 52:54:00:00:00:99
 → MACAddress=52:54:00:aa:00:03 52:54:00:00:00:99
[Link]
Name=lan0`,
  ],
  [
    'NetworkManager',
    '/etc/NetworkManager/system-connections/uplink.nmconnection',
    `[connection]
id=ens3
uuid=5f1e0b6a-52a4-4d0e-9c1d-8c4f3a8e2b01
interface-name=ens3
 → interface-name=enp1s0
[ethernet]
mac-address=52:54:00:00:00:0B
 → mac-address=52:54:00:AA:00:0B
cloned-mac-address=52:54:00:00:00:03
[match]
interface-name=ens*;!ens9;
 → interface-name=ens*;!ens9;enp1s0
path=pci-0000:00:03.0
 → path=pci-0000:01:00.0
[vlan]
parent=ens4
 → parent=ens5`,
  ],
  [
    'NetworkManager itself',
    '/etc/NetworkManager/conf.d/10-own.conf',
    `[keyfile]
unmanaged-devices=interface-name:ens3;mac:52:54:00:00:00:04;interface-name:docker*
 → unmanaged-devices=interface-name:enp1s0;mac:52:54:00:aa:00:04;interface-name:docker*`,
  ],
  [
    'netplan',
    '/etc/netplan/50-cloud.yaml',
    `network:
  version: 2
  # ens3 came with the machine
  ethernets:
    ens3:
 →     enp1s0:
      match:
        macaddress: "52:54:00:00:00:03"
 →         macaddress: "52:54:00:aa:00:03"
      macaddress: 52:54:00:00:00:03
      addresses: [192.0.2.3/24]
    ens4: {match: {macaddress: 52:54:00:00:00:04}, dhcp4: true}
 →     ens5: {match: {macaddress: 52:54:00:aa:00:04}, dhcp4: true}
  vlans:
    ens3.100: {id: 100, link: ens3}
 →     enp1s0.100: {id: 100, link: enp1s0}
  bonds:
    bond0:
      interfaces: [ens4, ens5]
 →       interfaces: [ens5, ens4]
      parameters: {primary: ens4}
 →       parameters: {primary: ens5}`,
  ],
  [
    'ifcfg',
    '/etc/sysconfig/network-scripts/ifcfg-ens3',
    `DEVICE=ens3
 → DEVICE=enp1s0
NAME=ens3
HWADDR=52:54:00:00:00:0B
 → HWADDR=52:54:00:AA:00:0B
MACADDR=52:54:00:00:00:03
MASTER=bond0`,
  ],
  [
    'udev',
    '/etc/udev/rules.d/70-persistent-net.rules',
    `# PCI device 0x1af4:0x1000 (virtio-pci), 52:54:00:00:00:03
SUBSYSTEM=="net", ATTR{address}=="52:54:00:00:00:03", NAME="lan0"
 → SUBSYSTEM=="net", ATTR{address}=="52:54:00:aa:00:03", NAME="lan0"
SUBSYSTEM=="net", KERNELS=="0000:00:03.0", NAME="lan1"
 → SUBSYSTEM=="net", KERNELS=="0000:01:00.0", NAME="lan1"`,
  ],
  [
    'settings of the kernel',
    '/etc/sysctl.d/10-own.conf',
    `net.ipv4.conf.ens3.rp_filter = 2
 → net.ipv4.conf.enp1s0.rp_filter = 2
net/ipv6/conf/ens3/accept_ra = 2
 → net/ipv6/conf/enp1s0/accept_ra = 2
net.ipv4.conf.ens33.rp_filter = 2`,
  ],
  [
    'a firewall',
    '/etc/nftables.conf',
    `  iifname "ens3" tcp dport 22 accept
 →   iifname "enp1s0" tcp dport 22 accept
  oif { ens4, ens5, lo } accept
 →   oif { ens5, ens4, lo } accept
  # ens3 is outside`,
  ],
];

/** What goes in, and what has to come out. */
function halves(text: string): readonly [string, string] {
  const old: string[] = [];
  const now: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith(' → ')) now[now.length - 1] = line.slice(3);
    else {
      old.push(line);
      now.push(line);
    }
  }
  return [old.join('\n'), now.join('\n')];
}

describe('each system', () => {
  test.each(table)('%s', (_, path, text) => {
    const [old, now] = halves(text);
    expect(rewritten(path, old, identities)).toBe(now);
  });

  test('nothing is another where nothing is', () => {
    const none: Identities = { macs: new Map(), paths: new Map(), drivers: new Map(), names: new Map() };
    for (const [, path, text] of table) expect(rewritten(path, halves(text)[0], none)).toBe(halves(text)[0]);
  });
});

test('files that are called after a card are called after the new one', () => {
  const { names } = identities;
  expect(renamedPath('/etc/sysconfig/network-scripts/ifcfg-ens3', names)).toBe(
    '/etc/sysconfig/network-scripts/ifcfg-enp1s0',
  );
  expect(renamedPath('/etc/sysconfig/network-scripts/ifcfg-ens3.100', names)).toBe(
    '/etc/sysconfig/network-scripts/ifcfg-enp1s0.100',
  );
  expect(renamedPath('/etc/sysconfig/network-scripts/route6-ens4', names)).toBe(
    '/etc/sysconfig/network-scripts/route6-ens5',
  );
  expect(renamedPath('/etc/sysconfig/network/ifroute-ens3', names)).toBe('/etc/sysconfig/network/ifroute-enp1s0');
  expect(renamedPath('/etc/wpa_supplicant/wpa_supplicant-ens3.conf', names)).toBe(
    '/etc/wpa_supplicant/wpa_supplicant-enp1s0.conf',
  );
  expect(renamedPath('/etc/network/interfaces.d/ens3', names)).toBe('/etc/network/interfaces.d/ens3');
});

test('names that a file gives to a card', () => {
  const files = new Map([
    ['/etc/udev/rules.d/70-persistent-net.rules', '# NAME="no"\nATTR{address}=="52:54:00:00:00:03", NAME="lan0"\n'],
    ['/etc/systemd/network/10-a.link', '[Match]\nOriginalName=*\nName=match\n[Link]\nName=lan1\n'],
    ['/etc/systemd/network/10-a.network', '[Match]\nName=ens3\n'],
    ['/etc/netplan/a.yaml', '      set-name: "lan2"\n'],
  ]);
  expect(pinnedNames(files)).toEqual(new Set(['lan0', 'lan1', 'lan2']));
});
