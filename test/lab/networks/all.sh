# One of each kind of link that a server has, and all that is set around them, by the plain tools. Run by bash in a machine with eight
# cards; A to H are their names. It knows nothing of lifeboat.
set -eux
udevadm settle
ip link set lo up

# Bonds: one of each mode, the first two of cards.
ip link add bond0 type bond mode 802.3ad miimon 100 updelay 200 downdelay 400 lacp_rate fast xmit_hash_policy layer3+4 \
  ad_select bandwidth min_links 1 ad_actor_sys_prio 1000 ad_user_port_key 77 ad_actor_system 02:00:00:00:aa:00
ip link add bond1 type bond mode active-backup miimon 100 fail_over_mac active primary_reselect better num_grat_arp 3
ip link add bond2 type bond mode balance-xor arp_interval 500 arp_ip_target 192.0.2.1,192.0.2.2 arp_all_targets all
ip link add bond3 type bond mode balance-rr packets_per_slave 2 resend_igmp 5 all_slaves_active 1
ip link add bond4 type bond mode broadcast
ip link add bond5 type bond mode balance-tlb tlb_dynamic_lb 0 lp_interval 3
ip link add bond6 type bond mode balance-alb
for pair in "$A bond0" "$B bond0" "$C bond1" "$D bond1"; do
  set -- $pair
  ip link set "$1" down
  ip link set "$1" master "$2"
done
ip link set bond1 type bond primary "$D"
ip link set "$B" type bond_slave queue_id 3
ip link set bond0 up
ip link set bond1 up

# A team with its daemon.
cat > /tmp/team0.conf << END
{"device": "team0", "runner": {"name": "activebackup", "hwaddr_policy": "by_active"}, "link_watch": {"name": "ethtool", "delay_up": 200},
 "ports": {"$E": {"prio": 100, "sticky": true}, "$F": {"prio": -10}}}
END
ip link set "$E" down
ip link set "$F" down
mkdir -p /run/teamd
teamd -d -U -f /tmp/team0.conf
ip link set team0 up

# VLANs: on a bond, in one another, with priorities mapped.
ip link add link bond0 name bond0.12 type vlan id 12 ingress-qos-map 1:2 3:4 egress-qos-map 0:1 2:5
ip link add link bond0 name loose type vlan id 13 reorder_hdr off loose_binding on gvrp on
ip link add link team0 name outer type vlan protocol 802.1ad id 100
ip link add link outer name outer.5 type vlan id 5
ip link set bond0.12 up

# Bridges: one that filters VLANs and has a spanning tree, one that is as plain as can be.
ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 5 stp_state 1 priority 4096 forward_delay 500 hello_time 100 \
  max_age 800 ageing_time 20000 group_fwd_mask 0x8 mcast_snooping 0 mcast_query_interval 6000 nf_call_iptables 0
ip link add br1 type bridge
ip link set "$G" master br0
ip link set "$G" type bridge_slave cost 50 priority 10 guard on hairpin on learning off flood off mcast_flood off isolated on \
  neigh_suppress on group_fwd_mask 8
ip link add veth0 type veth peer name veth1
ip link set veth1 master br0
ip link set veth1 type bridge_slave root_block on fastleave on mcast_router 2 proxy_arp on
bridge vlan add dev "$G" vid 20-29
bridge vlan add dev "$G" vid 30 pvid untagged
bridge vlan add dev br0 vid 20 self
bridge vlan del dev veth1 vid 5
for name in br0 br1 "$G" veth0 veth1; do ip link set "$name" up; done

# Links that share a card.
ip link set "$H" up
ip link add mv0 link "$H" address 02:00:00:00:03:00 type macvlan mode private
ip link add mv1 link "$H" address 02:00:00:00:03:01 type macvlan mode vepa
ip link add mv2 link "$H" address 02:00:00:00:03:02 type macvlan mode bridge
ip link add mv3 link "$H" address 02:00:00:00:03:03 type macvlan mode source
ip link set link dev mv3 type macvlan macaddr add 02:00:00:00:0f:01
ip link set link dev mv3 type macvlan macaddr add 02:00:00:00:0f:02
ip link add mt0 link "$H" address 02:00:00:00:03:04 type macvtap mode bridge
for number in 0 1 2 3; do ip link add "dummy$number" type dummy; done
ip link add iv0 link dummy0 type ipvlan mode l2 bridge
ip link add iv1 link dummy1 type ipvlan mode l3 private
ip link add iv2 link dummy2 type ipvlan mode l3s vepa

# WireGuard: keys are made here, and nobody but the machine knows them.
ip link add wg0 type wireguard
(umask 077; wg genkey > /tmp/own; wg genkey > /tmp/other; wg genpsk > /tmp/shared)
wg set wg0 private-key /tmp/own listen-port 51820 fwmark 0x1234 \
  peer "$(wg pubkey < /tmp/other)" preshared-key /tmp/shared endpoint 192.0.2.9:51821 allowed-ips 10.7.0.0/24,fd00:7::/64 persistent-keepalive 25 \
  peer "$(wg genkey | wg pubkey)" allowed-ips 10.8.0.2/32
ip addr add 10.7.0.1/24 dev wg0
ip link set wg0 up

# Tunnels.
ip addr add 192.0.2.1/24 dev "$H"
ip link add vx0 type vxlan id 42 group 239.1.1.1 dev "$H" dstport 4789 ttl 8 tos 16
ip link add vx1 type vxlan id 43 remote 192.0.2.9 local 192.0.2.1 dstport 8472 srcport 32768 61000 nolearning ageing 600 maxaddress 100 df set
ip link add vx2 type vxlan external dstport 4790
ip link add gn0 type geneve id 77 remote 192.0.2.9 dstport 6081 ttl 16 tos 8 udpcsum
ip link add gn1 type geneve external dstport 6082
ip link add gre1 type gre local 192.0.2.1 remote 192.0.2.9 ttl 64 key 42 csum dev "$H"
ip link add gt1 type gretap local 192.0.2.1 remote 192.0.2.10 ikey 1.2.3.4 okey 5 nopmtudisc
ip link add ipip1 type ipip local 192.0.2.1 remote 192.0.2.9 ttl 64 tos inherit
ip link add sit1 type sit local 192.0.2.1 remote any mode ip6ip
ip tunnel 6rd dev sit1 6rd-prefix 2001:db8::/32 6rd-relay_prefix 192.0.2.0/24
ip link add ip6t type ip6tnl local 2001:db8::1 remote 2001:db8::9 mode any encaplimit 4 hoplimit 32
ip link add g6 type ip6gre local 2001:db8::1 remote 2001:db8::9 key 7
ip link add vti1 type vti local 192.0.2.1 remote 192.0.2.11 key 9

# Others.
ip link add ifb9 type ifb
ip link add vrf1 type vrf table 100
ip link set dummy3 master vrf1
ip link set vrf1 up
ip link set dummy3 up
ip tuntap add dev tun0 mode tun user 33 group 33
ip tuntap add dev tap0 mode tap multi_queue pi vnet_hdr
ip link add link bond2 name ms0 type macsec sci 1 encrypt on
ip macsec add ms0 tx sa 0 pn 1 on key 01 00112233445566778899aabbccddeeff

# What any link can have.
ip link set "$H" mtu 1400 alias 'the uplink' txqueuelen 500 group 7
ip link property add dev "$H" altname uplink0
ip link set dummy0 arp off multicast off promisc on allmulticast on address 02:00:00:00:04:00
ip link set dummy1 addrgenmode none
ethtool -K "$H" tso off gro off

# Addresses.
ip addr add 192.0.2.2/24 dev "$H" label "$H:two" metric 50
ip addr add 198.51.100.1/24 brd 198.51.100.255 scope link dev bond0.12
ip addr add 198.51.101.2/24 dev bond0.12 valid_lft 3600 preferred_lft 1800
ip addr add 203.0.113.1 peer 203.0.113.2/32 dev gre1
ip addr add 10.0.0.1/8 noprefixroute dev bond1
ip addr add 127.0.0.9/32 scope host dev lo
ip addr add 2001:db8::1/64 nodad dev "$H"
ip addr add 2001:db8:1::1/64 nodad noprefixroute preferred_lft 0 dev bond0.12
ip link set gre1 up

# Routes of several tables.
ip route add default via 192.0.2.254 dev "$H" metric 100 initcwnd 20 mtu lock 1300
ip -6 route add default via 2001:db8::fe dev "$H" pref high
ip route add 10.1.0.0/16 via 192.0.2.253 table 100 proto static src 192.0.2.2
ip route add 10.2.0.0/16 nexthop via 192.0.2.252 weight 3 nexthop dev bond1 weight 2
ip route add blackhole 10.3.0.0/16 metric 9
ip route add prohibit 10.4.0.0/16 table 200
ip route add throw 10.5.0.0/16 table 200
ip route add unreachable 10.6.0.0/16
ip route add 10.9.0.0/16 via 172.31.0.1 dev "$H" onlink tos 0x10
ip route add 10.10.0.0/16 via inet6 2001:db8::fd dev "$H"
ip route add local 10.11.0.0/16 dev lo
ip link set vx2 up
ip route add 10.12.0.0/16 encap ip id 5 dst 192.0.2.77 dev vx2
# A card takes a moment until it has its carrier.
until [ "$(cat "/sys/class/net/$H/carrier")" = 1 ]; do sleep 0.1; done
ip nexthop add id 11 via 192.0.2.251 dev "$H"
ip nexthop add id 12 dev bond1
ip nexthop add id 13 group 11,2/12
ip route add 10.13.0.0/16 nhid 11
ip route add 10.14.0.0/16 nhid 13
ip -6 route add 2001:db8:9::/48 via 2001:db8::fc dev "$H" metric 77 expires 4000
ip -6 route add 2001:db8:a::/48 from 2001:db8:1::/64 via 2001:db8::fb dev "$H"

# Policy rules.
ip rule add from 192.0.2.2 table 100 priority 1000
ip rule add not fwmark 0x7/0xff iif "$H" table 200 priority 1001
ip rule add to 10.3.0.0/16 prohibit priority 1002
ip rule add ipproto 6 dport 443 sport 1000-2000 table 100 priority 1003
ip rule add uidrange 33-34 table 100 priority 1004
ip rule add oif bond1 tos 0x10 table 100 priority 1005
ip rule add from all table main suppress_prefixlength 0 priority 1006
ip rule add iif lo goto 1006 priority 1005
ip -6 rule add to 2001:db8:7::/48 table 100 priority 1002

# Neighbours that stay.
ip neigh replace 192.0.2.254 lladdr 02:00:00:00:09:09 dev "$H" nud permanent
ip neigh replace 2001:db8::fe lladdr 02:00:00:00:09:0a dev "$H" nud permanent router
ip neigh add proxy 192.0.2.200 dev "$H"
bridge fdb add 02:00:00:00:0c:01 dev "$G" master static vlan 20
bridge fdb append 00:00:00:00:00:00 dev vx1 dst 192.0.2.12

# Settings of the kernel.
set_sysctl() { echo "$2" > "/proc/sys/net/$1"; }
set_sysctl ipv4/ip_forward 1
set_sysctl "ipv4/conf/$H/rp_filter" 2
set_sysctl "ipv4/conf/$H/arp_ignore" 1
set_sysctl "ipv4/conf/$H/arp_announce" 2
set_sysctl "ipv4/conf/bond0.12/proxy_arp" 1
set_sysctl "ipv6/conf/$H/accept_ra" 2
set_sysctl ipv6/conf/dummy1/disable_ipv6 1

# Files of those who would make all this anew.
printf 'nameserver 192.0.2.53\nsearch example.test\n' > /etc/resolv.conf
mkdir -p /etc/network /etc/systemd/network /etc/netplan /etc/NetworkManager/system-connections /etc/wireguard
cat > /etc/network/interfaces << END
auto bond0
iface bond0 inet static
  address 192.0.2.10/24
  bond-slaves $A $B
  wpa-psk canary-ifupdown
END
cat > /etc/systemd/network/10-wg0.netdev << END
[NetDev]
Name=wg0
Kind=wireguard
[WireGuard]
PrivateKey=canary-networkd
END
printf '[Match]\nName=wg0\n[Network]\nAddress=10.7.0.1/24\n' > /etc/systemd/network/10-wg0.network
printf 'network:\n  version: 2\n  wifis:\n    w0:\n      access-points:\n        home: {password: canary-netplan}\n' > /etc/netplan/50-all.yaml
printf '[connection]\nid=uplink\ntype=ethernet\n[802-1x]\npassword=canary-manager\n' > /etc/NetworkManager/system-connections/uplink.nmconnection
printf '[Interface]\nPrivateKey = %s\n' "$(cat /tmp/own)" > /etc/wireguard/wg0.conf
chmod 600 /etc/NetworkManager/system-connections/uplink.nmconnection /etc/wireguard/wg0.conf
udevadm settle
# While the spanning tree changes, the bridge forgets faster than it was told to.
until [ "$(cat "/sys/class/net/$G/brport/state")" = 3 ] && [ "$(cat /sys/class/net/br0/bridge/topology_change)" = 0 ]; do sleep 1; done
