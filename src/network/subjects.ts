/** What the gaps of a network are named after: what could not be seen is no change. */
export const subjects = {
  links: 'links and addresses',
  routes: { inet: 'IPv4 routes', inet6: 'IPv6 routes' },
  rules: { inet: 'IPv4 rules', inet6: 'IPv6 rules' },
  neighbours: 'static neighbours',
  namespaces: 'network namespaces',
  hardware: 'drivers and places of links',
  bridgeVlans: 'VLANs of bridges',
  wireguard: 'WireGuard',
  team: 'teams',
  offloads: 'offload settings',
  files: 'configuration files',
  units: 'services that configure the network',
  firewall: { nft: 'rules of nft', iptables: 'rules of iptables', ip6tables: 'rules of ip6tables' },
  sysctls: 'sysctl settings',
  settingsOf: (link: string) => `settings of link ${link}`,
} as const;
