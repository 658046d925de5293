/** Where networks are configured, and what else is read in the same go. */

/** Files and directories, of all configuration systems. */
export const configPlaces: readonly string[] = [
  '/etc/network/interfaces',
  '/etc/network/interfaces.d',
  '/etc/NetworkManager/NetworkManager.conf',
  '/etc/NetworkManager/conf.d',
  '/etc/NetworkManager/system-connections',
  '/etc/systemd/network',
  '/etc/systemd/networkd.conf',
  '/etc/systemd/networkd.conf.d',
  '/etc/systemd/resolved.conf',
  '/etc/systemd/resolved.conf.d',
  '/etc/netplan',
  '/etc/sysconfig/network-scripts',
  '/etc/sysconfig/network',
  '/etc/wicked',
  '/etc/wireguard',
  '/etc/wpa_supplicant',
  '/etc/dhcp/dhclient.conf',
  '/etc/dhcpcd.conf',
  '/etc/connman',
  '/etc/teamd',
  '/etc/iproute2/rt_tables',
  '/etc/iproute2/rt_tables.d',
  '/etc/nsswitch.conf',
  '/etc/hostname',
  '/etc/gai.conf',
  '/etc/resolvconf.conf',
  '/etc/resolvconf/resolv.conf.d',
  '/etc/udev/rules.d/70-persistent-net.rules',
  '/etc/nftables.conf',
  '/etc/nftables.d',
  '/etc/nftables',
  '/etc/iptables',
  '/etc/sysconfig/iptables',
  '/etc/sysconfig/ip6tables',
  '/etc/sysconfig/nftables.conf',
  '/etc/firewalld',
  '/etc/ufw',
  '/etc/default/ufw',
];

/** Of several files with the same name the first counts. */
export const sysctlPlaces: readonly string[] = [
  '/etc/sysctl.d',
  '/run/sysctl.d',
  '/usr/local/lib/sysctl.d',
  '/usr/lib/sysctl.d',
  '/lib/sysctl.d',
];
export const sysctlFile = '/etc/sysctl.conf';

/** Which netfilter there is: see `firewall.ts`. */
export const netfilterPlaces = {
  modules: '/proc/modules',
  release: '/proc/sys/kernel/osrelease',
  iptables: '/proc/net/ip_tables_names',
  ip6tables: '/proc/net/ip6_tables_names',
} as const;

/** What editors and package managers leave beside the real ones. */
const leftover = /(?:\/README[^/]*|~|\.(?:bak|orig|rej|swp|old|rpmsave|rpmnew|rpmorig|dpkg-\w+|ucf-\w+))$/;
/** Beside the settings the directory holds the programs of the system. */
const scripts = /^\/etc\/sysconfig\/network-scripts\/(?!(?:ifcfg|route6?|rule6?|keys)-)/;

/** Whether a file that was found below one of {@link configPlaces} is a file of configuration. */
export function isConfig(path: string): boolean {
  if (leftover.test(path) || scripts.test(path)) return false;
  return [...configPlaces, ...sysctlPlaces.slice(0, 1), sysctlFile].some(
    (place) => path === place || path.startsWith(`${place}/`),
  );
}
