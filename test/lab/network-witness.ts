/**
 * What the kernel says of its network in `/sys` and `/proc`, and the plain tools in words, read without anything of `src/network`; and the
 * same out of a capture, which asks netlink by way of `ip -j`.
 */
import type { Host } from '../../src/host/host.ts';
import type { Link, Network } from '../../src/network/types.ts';

/** Of each thing a line, or fields by their names in netlink. */
export interface Said {
  links: Record<string, unknown>;
  bonds: Record<string, unknown>;
  bondPorts: Record<string, unknown>;
  bridges: Record<string, unknown>;
  bridgePorts: Record<string, unknown>;
  bridgeVlans: Record<string, string[]>;
  vlans: Record<string, unknown>;
  tuns: Record<string, unknown>;
  wireguard: Record<string, unknown>;
  team: Record<string, unknown>;
  addresses: string[];
  routes: string[];
  rules: string[];
  neighbours: string[];
}

type Ask = (...argv: [string, ...string[]]) => Promise<string>;

export async function networkWitness(host: Host, signal: AbortSignal): Promise<Said> {
  const ask: Ask = async (...argv) => (await host.run(argv, { okCodes: [0, 1, 2] }, signal)).stdout.toString();
  const sysfs = await ask(
    'bash',
    '-c',
    'cd /sys/class/net && grep -rsH "" */bonding/ */bridge/ */brport/ */bonding_slave/ */{address,mtu,flags,tx_queue_len,ifalias,tun_flags,owner,group}',
  );
  const files = new Map<string, Map<string, string>>();
  for (const [, link = '', path = '', value = ''] of sysfs.matchAll(/^([^/]+)\/([^:]+):(.*)$/gm)) {
    files.set(link, (files.get(link) ?? new Map<string, string>()).set(path, value));
  }
  const members = await ask(
    'bash',
    '-c',
    'cd /sys/class/net && for link in */master; do echo "${link%/master} $(basename "$(readlink "$link")")"; done',
  );
  const masters = new Map([...members.matchAll(/^(\S+) (\S+)$/gm)].map(([, link = '', master = '']) => [link, master]));
  const kinds = [...files].map(([name, own]) => ({ name, own }));
  const having = (folder: string) => kinds.filter(({ own }) => [...own.keys()].some((path) => path.startsWith(folder)));
  const fieldsOf = (own: ReadonlyMap<string, string>, folder: string, names: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(names).flatMap(([file, field]) => {
        const value = own.get(`${folder}${file}`);
        return value === undefined ? [] : [[field, plainValue(value)] as const];
      }),
    );
  return {
    links: Object.fromEntries(
      kinds.map(({ name, own }) => [
        name,
        {
          mtu: Number(own.get('mtu')),
          up: (Number(own.get('flags')) & 1) === 1,
          queue: Number(own.get('tx_queue_len')),
          alias: own.get('ifalias') ?? '',
          master: masters.get(name) ?? '',
          ...(isHardware(own.get('address') ?? '') ? { mac: own.get('address') } : {}),
        },
      ]),
    ),
    bonds: Object.fromEntries(having('bonding/').map(({ name, own }) => [name, bondFields(own, fieldsOf)])),
    bondPorts: Object.fromEntries(
      having('bonding/').flatMap(({ own }) =>
        (own.get('bonding/queue_id') ?? '').split(' ').flatMap((pair) => {
          const [, port = '', queue] = /^(.+):(\d+)$/.exec(pair) ?? [];
          return port === '' ? [] : [[port, { queue_id: Number(queue) }] as const];
        }),
      ),
    ),
    bridges: Object.fromEntries(
      having('bridge/').map(({ name, own }) => [name, fieldsOf(own, 'bridge/', bridgeFiles)]),
    ),
    bridgePorts: Object.fromEntries(
      having('brport/').map(({ name, own }) => [name, fieldsOf(own, 'brport/', portFiles)]),
    ),
    bridgeVlans: await bridgeVlans(ask),
    vlans: await vlans(ask),
    tuns: Object.fromEntries(
      kinds
        .filter(({ own }) => own.has('tun_flags'))
        .map(({ name, own }) => [name, tunFields(Number(own.get('tun_flags')))]),
    ),
    wireguard: await wireguard(ask),
    team: Object.fromEntries([['team0', JSON.parse(await ask('teamdctl', 'team0', 'config', 'dump', 'actual'))]]),
    addresses: (await ask('ip', '-o', 'addr', 'show'))
      .split('\n')
      .flatMap((line) => {
        const [, link, local, rest = ''] = /^\d+: (\S+) +inet6? (\S+)(.*)/.exec(line) ?? [];
        const [, peer] = / peer (\S+)/.exec(rest) ?? [];
        const [, scope] = / scope (\S+)/.exec(rest) ?? [];
        const prefix = (peer ?? local ?? '').split('/')[1];
        return link === undefined ? [] : [`${link} ${local?.split('/')[0]}/${prefix} ${scope}`];
      })
      .sort(),
    routes: (await Promise.all((['-4', '-6'] as const).map((family) => routes(ask, family)))).flat().sort(),
    rules: (await Promise.all((['-4', '-6'] as const).map((family) => ask('ip', family, 'rule', 'show'))))
      .flatMap((text) => text.split('\n'))
      .flatMap((line) => {
        const [, priority, rest = ''] = /^(\d+):\s+(.*)$/.exec(line) ?? [];
        const [, table = ''] = / lookup (\S+)/.exec(rest) ?? [];
        const [, from = ''] = /\bfrom (\S+)/.exec(rest) ?? [];
        return priority === undefined
          ? []
          : [`${priority} ${rest.startsWith('not ')} ${from} ${table.replace(/^\[.*\]$/, '')}`];
      })
      .sort(),
    neighbours: (await ask('ip', 'neigh', 'show', 'nud', 'permanent'))
      .split('\n')
      .flatMap((line) => {
        const [, address, link, mac] = /^(\S+) dev (\S+) lladdr (\S+) /.exec(line) ?? [];
        return address === undefined ? [] : [`${address} ${link} ${mac}`];
      })
      .sort(),
  };
}

/** `balance-rr 0` is the name and the number; of numbers in hex the value. */
function plainValue(value: string): string | number {
  const [word = ''] = value.split(' ');
  return /^(\d+|0x[\da-f]+)$/.test(word) ? Number(word) : word;
}

const isHardware = (address: string): boolean => /^([\da-f]{2}:){5}[\da-f]{2}$/.test(address);

/** Names in sysfs, and in netlink where they are others. */
const bondFiles: Readonly<Record<string, string>> = {
  mode: 'mode',
  miimon: 'miimon',
  updelay: 'updelay',
  downdelay: 'downdelay',
  arp_interval: 'arp_interval',
  arp_all_targets: 'arp_all_targets',
  primary: 'primary',
  primary_reselect: 'primary_reselect',
  fail_over_mac: 'fail_over_mac',
  resend_igmp: 'resend_igmp',
  num_grat_arp: 'num_peer_notif',
  min_links: 'min_links',
  lp_interval: 'lp_interval',
  packets_per_slave: 'packets_per_slave',
};
/** Said by netlink of some modes only. */
const bondFilesOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '802.3ad': {
    lacp_rate: 'ad_lacp_rate',
    ad_select: 'ad_select',
    ad_actor_sys_prio: 'ad_actor_sys_prio',
    ad_user_port_key: 'ad_user_port_key',
    ad_actor_system: 'ad_actor_system',
    xmit_hash_policy: 'xmit_hash_policy',
  },
  'balance-xor': { xmit_hash_policy: 'xmit_hash_policy' },
};

function bondFields(
  own: ReadonlyMap<string, string>,
  fieldsOf: (own: ReadonlyMap<string, string>, folder: string, names: Readonly<Record<string, string>>) => object,
): object {
  const [mode = ''] = (own.get('bonding/mode') ?? '').split(' ');
  const targets = own.get('bonding/arp_ip_target');
  return {
    ...fieldsOf(own, 'bonding/', { ...bondFiles, ...bondFilesOf[mode] }),
    ...(targets === undefined ? {} : { arp_ip_target: targets.split(/[ ,]/) }),
  };
}

const bridgeFiles = {
  stp_state: 'stp_state',
  priority: 'priority',
  forward_delay: 'forward_delay',
  hello_time: 'hello_time',
  max_age: 'max_age',
  ageing_time: 'ageing_time',
  vlan_filtering: 'vlan_filtering',
  default_pvid: 'vlan_default_pvid',
  multicast_snooping: 'mcast_snooping',
  multicast_query_interval: 'mcast_query_intvl',
  nf_call_iptables: 'nf_call_iptables',
  group_fwd_mask: 'group_fwd_mask',
};

const portFiles = {
  path_cost: 'cost',
  priority: 'priority',
  hairpin_mode: 'hairpin',
  bpdu_guard: 'guard',
  root_block: 'root_block',
  multicast_fast_leave: 'fastleave',
  learning: 'learning',
  unicast_flood: 'flood',
  multicast_flood: 'mcast_flood',
  multicast_router: 'multicast_router',
  isolated: 'isolated',
  neigh_suppress: 'neigh_suppress',
  proxyarp: 'proxy_arp',
  group_fwd_mask: 'group_fwd_mask',
};

const tunBits = { multi_queue: 0x100, persist: 0x800, vnet_hdr: 0x4000 };
const withoutHeader = 0x1000;

function tunFields(flags: number): object {
  return {
    type: (flags & 2) === 0 ? 'tun' : 'tap',
    pi: Number((flags & withoutHeader) === 0),
    ...Object.fromEntries(Object.entries(tunBits).map(([name, bit]) => [name, Number((flags & bit) !== 0)])),
  };
}

/** In words, with each range written out. */
async function bridgeVlans(ask: Ask): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  let link = '';
  for (const line of (await ask('bridge', 'vlan', 'show')).split('\n').slice(1)) {
    const [, name, first, last, words = ''] = /^(\S*)\s+(\d+)(?:-(\d+))?(.*)$/.exec(line) ?? [];
    if (name !== undefined && name !== '') link = name;
    for (let vlan = Number(first); vlan <= Number(last ?? first); vlan += 1) {
      const own = `${vlan}${words.includes('PVID') ? ' pvid' : ''}${words.includes('Untagged') ? ' untagged' : ''}`;
      found[link] = [...(found[link] ?? []), own];
    }
  }
  return found;
}

/** `/proc/net/vlan` knows those of 802.1Q and 802.1ad alike, and the maps of priorities of both directions. */
async function vlans(ask: Ask): Promise<Record<string, unknown>> {
  const text = await ask('bash', '-c', 'cd /proc/net/vlan && grep -H "" $(ls | grep -v ^config$)');
  const found: Record<string, { id?: number; below?: string; ingress: string[]; egress: string[] }> = {};
  for (const [, name = '', line = ''] of text.matchAll(/^([^:]+):(.*)$/gm)) {
    const own = (found[name] ??= { ingress: [], egress: [] });
    const [, id] = /VID: (\d+)/.exec(line) ?? [];
    const [, below] = /^Device: (\S+)/.exec(line) ?? [];
    if (id !== undefined) own.id = Number(id);
    if (below !== undefined) own.below = below;
    if (line.startsWith('INGRESS')) own.ingress = pairs(line).filter((pair) => !pair.endsWith(':0'));
    if (line.includes('EGRESS priority')) own.egress = pairs(line);
  }
  return found;
}

const pairs = (line: string): string[] => line.match(/\d+:\d+/g)?.toSorted() ?? [];

async function wireguard(ask: Ask): Promise<Record<string, unknown>> {
  const found: Record<string, { publicKey: string; port: number; mark: string; peers: string[] }> = {};
  for (const line of (await ask('wg', 'show', 'all', 'dump')).split('\n')) {
    const fields = line.split('\t');
    const [link = '', first = '', second = '', third = '', fourth = ''] = fields;
    // The second of a link's fields is its private key, the second of a peer's the shared one.
    if (fields.length === 5) found[link] = { publicKey: second, port: Number(third), mark: fourth, peers: [] };
    else if (fields.length === 9) {
      const [keepalive = ''] = fields.slice(-1);
      found[link]?.peers.push([first, third, ...fourth.split(',').sort(), keepalive].join(' '));
    }
  }
  for (const own of Object.values(found)) own.peers.sort();
  return found;
}

async function routes(ask: Ask, family: '-4' | '-6'): Promise<string[]> {
  const lines = (await ask('ip', family, 'route', 'show', 'table', 'all'))
    .replaceAll(/\n\s+nexthop/g, ' nexthop')
    .split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const word = (text: string, key: string): string =>
        new RegExp(`(?:^| )${key} (?:inet6 )?(\\S+)`).exec(text)?.[1] ?? '';
      const [own = '', ...hops] = line.split(' nexthop ');
      const [, type = 'unicast', destination = ''] =
        /^(?:(unicast|local|broadcast|multicast|anycast|blackhole|unreachable|prohibit|throw|nat) )?(\S+)/.exec(own) ??
        [];
      const nextHops = hops
        .map((hop) => `${word(hop, 'via')}/${word(hop, 'dev')}/${word(hop, 'weight') || '1'}`)
        .sort();
      return [
        family,
        type,
        destination,
        word(own, 'via'),
        word(own, 'dev'),
        word(own, 'table') || 'main',
        word(own, 'metric'),
        ...nextHops,
      ].join(' ');
    });
}

/** The same, from what was captured. */
export function saidOfNetwork(network: Network, like: Said): Said {
  const { links } = network;
  const details = (kind: string) =>
    links.flatMap((link) => (link.detail?.kind === kind ? [[link.name, link.detail] as const] : []));
  const members = (kind: string) =>
    links.flatMap((link) => (link.membership?.kind === kind ? [[link.name, link.membership] as const] : []));
  // Of all that was captured the fields that the witness can tell.
  const same = (own: readonly (readonly [string, object])[], said: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(
      own.map(([name, fields]) => {
        const wanted = said[name];
        const names = Object.keys(typeof wanted === 'object' && wanted !== null ? wanted : {});
        return [
          name,
          Object.fromEntries(
            Object.entries(fields).flatMap(([key, value]) => (names.includes(key) ? [[key, likeKernel(value)]] : [])),
          ),
        ];
      }),
    );
  return {
    links: Object.fromEntries(
      links.map((link) => [
        link.name,
        {
          mtu: link.mtu,
          up: link.enabled,
          queue: link.txQueueLength ?? 0,
          alias: link.alias ?? '',
          master: link.master ?? '',
          ...(isHardware(link.mac ?? '') ? { mac: link.mac } : {}),
        },
      ]),
    ),
    bonds: same(details('bond'), like.bonds),
    bondPorts: same(members('bond'), like.bondPorts),
    bridges: same(details('bridge'), like.bridges),
    bridgePorts: same(members('bridge'), like.bridgePorts),
    bridgeVlans: Object.fromEntries(
      links.flatMap((link) => (link.vlans === undefined ? [] : [[link.name, vlanLines(link)]])),
    ),
    vlans: Object.fromEntries(
      links.flatMap((link) => {
        if (link.detail?.kind !== 'vlan') return [];
        const { id, ingress_qos: ingress = [], egress_qos: egress = [] } = link.detail;
        const lines = (map: typeof ingress) => map.map(({ from, to }) => `${from}:${to}`).sort();
        return [[link.name, { id, below: link.lower?.[0], ingress: lines(ingress), egress: lines(egress) }]];
      }),
    ),
    tuns: same(details('tun'), like.tuns),
    wireguard: Object.fromEntries(
      links.flatMap((link) => {
        if (link.detail?.kind !== 'wireguard') return [];
        const { publicKey, listenPort, fwmark = 'off', peers } = link.detail;
        const lines = peers.map((peer) =>
          [
            peer.publicKey,
            peer.endpoint ?? '(none)',
            ...peer.allowedIps.toSorted(),
            peer.keepaliveSeconds ?? 'off',
          ].join(' '),
        );
        return [[link.name, { publicKey, port: listenPort, mark: fwmark, peers: lines.sort() }]];
      }),
    ),
    team: Object.fromEntries(
      links.flatMap((link) => (link.detail?.kind === 'team' ? [[link.name, link.detail.config]] : [])),
    ),
    addresses: links
      .flatMap(({ name, addresses }) =>
        addresses.map(({ address, prefix, scope }) => `${name} ${address}/${prefix} ${scope}`),
      )
      .sort(),
    routes: network.routes
      .map(({ family, type = 'unicast', destination, gateway = '', dev = '', table, metric = '', nextHops = [] }) => {
        const hops = nextHops.map((hop) => `${hop.gateway ?? ''}/${hop.dev ?? ''}/${hop.weight ?? 1}`).sort();
        return [family === 'inet' ? '-4' : '-6', type, destination, gateway, dev, table, metric, ...hops].join(' ');
      })
      .sort(),
    rules: (network.rules ?? [])
      .map(({ priority, not = false, from = 'all', table = '' }) => `${priority} ${not} ${from} ${table}`)
      .sort(),
    neighbours: (network.neighbours ?? [])
      .flatMap(({ address, dev, mac, proxy }) => (proxy === true ? [] : [`${address} ${dev} ${mac}`]))
      .sort(),
  };
}

/** Flags are numbers in sysfs, and masks are texts here and there. */
function likeKernel(value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'string' && /^(\d+|0x[\da-f]+)$/.test(value) ? Number(value) : value;
}

function vlanLines({ vlans = [] }: Link): string[] {
  return vlans.flatMap(({ vlan, vlanEnd = vlan, pvid, untagged }) =>
    Array.from({ length: vlanEnd - vlan + 1 }, (_, index) =>
      [`${vlan + index}`, pvid === true ? 'pvid' : '', untagged === true ? 'untagged' : ''].filter(Boolean).join(' '),
    ),
  );
}
