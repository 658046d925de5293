import { describe, expect, test } from 'vitest';
import { networkChanges } from './diff.ts';
import { subjects } from './subjects.ts';
import { type Link, type Network, parseNetwork, type Route } from './types.ts';

const address = (text: string, more = {}) => ({
  address: text,
  prefix: 24,
  family: 'inet' as const,
  scope: 'global',
  dynamic: false,
  origin: 'static' as const,
  ...more,
});
const card = (name: string, mac: string, slot: string, more: Partial<Link> = {}): Link => ({
  name,
  index: 2,
  kind: 'ether',
  mac,
  macOrigin: 'permanent',
  permanentMac: mac,
  busPath: slot,
  mtu: 1500,
  state: 'up',
  addresses: [],
  ...more,
});
const route = (destination: string, dev: string, more: Partial<Route> = {}): Route => ({
  family: 'inet',
  table: 'main',
  destination,
  dev,
  ...more,
});
const made = (more: Partial<Network> = {}): Network => ({
  format: 'lifeboat.network/1',
  capturedAt: '2026-11-20T12:00:00Z',
  hostname: 'web1',
  links: [
    card('eth0', '02:00:00:00:00:01', 'pci0000:00/0000:00:03.0', { addresses: [address('192.0.2.1')] }),
    card('eth1', '02:00:00:00:00:02', 'pci0000:00/0000:00:04.0', { master: 'bond0' }),
    {
      name: 'bond0',
      index: 5,
      kind: 'bond',
      mtu: 1500,
      state: 'up',
      lower: ['eth1'],
      detail: { kind: 'bond', primary: 'eth1' },
      addresses: [],
    },
  ],
  routes: [route('default', 'eth0', { gateway: '192.0.2.254' })],
  rules: [{ family: 'inet', priority: 1000, incoming: 'eth0', table: '77' }],
  neighbours: [{ address: '192.0.2.9', dev: 'eth0', mac: '02:00:00:00:00:09' }],
  dns: { servers: ['192.0.2.53'], search: [] },
  hosts: [],
  namespaces: [],
  systems: [{ name: 'ifupdown', reason: 'its files' }],
  files: [],
  firewall: [],
  sysctls: [],
  gaps: [],
  ...more,
});
/** Every name of a link in a network is another. */
const rename = (network: Network, names: Readonly<Record<string, string>>): Network =>
  JSON.parse(
    JSON.stringify(network).replace(/"(eth\d)"/g, (all, name: string) =>
      names[name] === undefined ? all : `"${names[name]}"`,
    ),
  );
const told = (before: Network, after: Network) => networkChanges(before, after).map(({ text, risk }) => [text, risk]);

describe('cards', () => {
  test('a new name is told as one, whatever uses the name', () => {
    expect(told(made(), rename(made(), { eth0: 'enp0s3' }))).toEqual([
      ['link eth0 is called enp0s3 now: the card is the same', 'appearance'],
    ]);
  });

  test('two that changed names', () => {
    expect(told(made(), rename(made(), { eth0: 'eth1', eth1: 'eth0' }))).toEqual([
      ['link eth0 is called eth1 now: the card is the same', 'appearance'],
      ['link eth1 is called eth0 now: the card is the same', 'appearance'],
    ]);
  });

  test('another card in the same slot is a replacement, also with a new name', () => {
    const links = made().links.map((link) =>
      link.name === 'eth0' ? { ...link, mac: '02:00:00:00:00:0a', permanentMac: '02:00:00:00:00:0a' } : link,
    );
    expect(told(made(), made({ links }))).toEqual([
      ['link eth0: the card was replaced; its MAC was 02:00:00:00:00:01, is 02:00:00:00:00:0a', 'recovery'],
    ]);
  });

  test('the same card in another slot', () => {
    const links = made().links.map((link) =>
      link.name === 'eth0' ? { ...link, busPath: 'pci0000:00/0000:00:09.0' } : link,
    );
    expect(told(made(), made({ links })).map(([, risk]) => risk)).toEqual(['appearance']);
  });

  test('a card that is gone, and another that took its name', () => {
    const [eth0, eth1, bond0] = made().links;
    if (eth0 === undefined || eth1 === undefined || bond0 === undefined) throw new Error('no links');
    const after = made({
      links: [
        { ...eth1, name: 'eth0' },
        { ...bond0, lower: ['eth0'], detail: { kind: 'bond', primary: 'eth0' } },
      ],
    });
    const texts = told(made(), { ...after, routes: [], rules: made().rules ?? [], neighbours: [] }).map(
      ([text]) => text,
    );
    expect(texts[0]).toBe('link eth1 is called eth0 now: the card is the same');
    expect(texts[1]).toMatch(/^removed: link eth0 /);
  });

  test('speed, state, index, and a MAC that a bond gave are no changes', () => {
    const links = made().links.map((link) => ({
      ...link,
      index: 99,
      state: 'down',
      speedMbit: 10,
      ...(link.name === 'eth1' ? { mac: '02:00:00:00:00:77' } : {}),
    }));
    expect(told(made(), made({ links }))).toEqual([]);
  });

  test('offload settings, where one side is as usual', () => {
    const links = made().links.map((link) =>
      link.name === 'eth0' ? { ...link, offloads: { 'rx-gro-hw': false } } : link,
    );
    expect(told(made(), made({ links }))).toEqual([['link eth0: rx-gro-hw was on, is off', 'appearance']]);
    expect(told(made({ links }), made())).toEqual([['link eth0: rx-gro-hw was off, is on', 'appearance']]);
  });
});

describe('addresses and routes from elsewhere', () => {
  const lease = (more: object) =>
    made({
      links: [card('eth0', '02:00:00:00:00:01', 'a', { addresses: [address('192.0.2.5', more)] })],
      routes: [route('default', 'eth0', { gateway: '192.0.2.254' })],
    });
  test('another lease, with another gateway of a client that does not mark its routes', () => {
    const after = {
      ...lease({ dynamic: true, origin: 'dhcp', address: '192.0.2.6' }),
      routes: [route('default', 'eth0', { gateway: '192.0.2.253' })],
    };
    expect(told(lease({ dynamic: true, origin: 'dhcp' }), after)).toEqual([]);
  });
  test('an address that came by lease and is static now is there still', () => {
    expect(told(lease({ dynamic: true, origin: 'dhcp' }), lease({}))).toEqual([]);
  });
  test('a default route that is gone', () => {
    expect(told(made(), made({ routes: [] }))).toEqual([
      ['removed: route default via 192.0.2.254 dev eth0', 'recovery'],
    ]);
  });
  test.each(['kernel', 'ra', 'dhcp', 'bird', 'zebra', 'bgp', 'redirect', '186'])('routes of %s', (protocol) => {
    expect(told(made(), made({ routes: [...made().routes, route('10.0.0.0/8', 'eth0', { protocol })] }))).toEqual([]);
  });
  test('in another order', () => {
    const many = [route('10.1.0.0/16', 'eth0'), route('10.2.0.0/16', 'eth0')];
    expect(told(made({ routes: many }), made({ routes: many.toReversed() }))).toEqual([]);
  });
});

test.each([
  [subjects.links, { links: [] }],
  [subjects.routes.inet, { routes: [] }],
  [subjects.rules.inet, { rules: [] }],
  [subjects.neighbours, { neighbours: [] }],
  ['/etc/resolv.conf', { dns: { servers: [], search: [] } }],
  ['/proc/sys/kernel/hostname', { hostname: 'unknown' }],
  [subjects.files, { systems: [], files: [] }],
])('what one capture could not see is not gone: %s', (subject, seen) => {
  const gap = { subject, problem: 'not seen' };
  const blind = made({ ...seen, gaps: [gap] });
  // Without the gap it would be.
  expect(networkChanges(made(), { ...blind, gaps: [] })).not.toEqual([]);
  expect(networkChanges(made(), blind)).toEqual([]);
  expect(networkChanges(blind, made())).toEqual([]);
});

test('a capture of an earlier version is compared by what it has', () => {
  const {
    rules: _1,
    neighbours: _2,
    hosts: _3,
    namespaces: _4,
    systems: _5,
    files: _6,
    firewall: _7,
    sysctls: _8,
    ...rest
  } = made();
  const thin = parseNetwork({
    ...rest,
    links: rest.links.map(({ name, index, kind, mac, mtu, state, addresses }) => ({
      name,
      index,
      kind,
      mtu,
      state,
      ...(mac === undefined ? {} : { mac }),
      addresses: addresses.map(({ address: own, prefix, family, scope, dynamic }) => ({
        address: own,
        prefix,
        family,
        scope,
        dynamic,
      })),
    })),
  });
  expect(told(thin, made())).toEqual([]);
  expect(told(thin, made({ links: made().links.map((link) => ({ ...link, mtu: 9000 })) }))).toHaveLength(3);
});

describe('the firewall', () => {
  const docker = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':DOCKER - [0:0]',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    '-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE',
    '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    'COMMIT',
  ];
  const plain = docker.filter((line) => !/DOCKER|POSTROUTING/.test(line));
  const iptables = (lines: readonly string[]) => made({ firewall: [{ kind: 'iptables', rules: lines.join('\n') }] });

  test('rules of a container runtime come and go', () => {
    expect(told(iptables(plain), iptables(docker))).toEqual([]);
  });
  test('a policy decides whether the host is reached; a rule and its order matter too', () => {
    const rules = [...plain.slice(0, 2), '-A PREROUTING -j ACCEPT', '-A PREROUTING -j DROP', 'COMMIT'];
    expect(told(iptables(plain), iptables(rules))).toEqual([
      ['rules of iptables have changed: + -A PREROUTING -j ACCEPT; + -A PREROUTING -j DROP', 'appearance'],
    ]);
    const swapped = [...rules.slice(0, 2), rules[3] ?? '', rules[2] ?? '', 'COMMIT'];
    expect(told(iptables(rules), iptables(swapped))).toEqual([
      ['rules of iptables are in another order', 'appearance'],
    ]);
    const dropped = rules.map((line) => line.replace('ACCEPT [0:0]', 'DROP [0:0]'));
    expect(told(iptables(rules), iptables(dropped)).map(([, risk]) => risk)).toEqual(['recovery']);
  });
});

describe('settings and systems', () => {
  test.each([
    [[], [{ key: 'net.ipv4.ip_forward', value: '1', default: '0' }], ['sysctl net.ipv4.ip_forward was 0, is 1']],
    [
      [{ key: 'a.b', value: '1', configured: '1', file: '/x' }],
      [{ key: 'a.b', value: '2', configured: '1', file: '/x' }],
      ['sysctl a.b was 1, is 2'],
    ],
    // Only a file came: it is told as a file.
    [[], [{ key: 'a.b', value: '1', configured: '1', file: '/x' }], []],
    [[], [{ key: 'a.b', configured: '1', file: '/x' }], []],
  ])('%j → %j', (before, after, expected) => {
    expect(told(made({ sysctls: before }), made({ sysctls: after })).map(([text]) => text)).toEqual(expected);
  });

  test('another system is in charge; why it is does not matter', () => {
    const other = made({ systems: [{ name: 'NetworkManager', reason: 'x' }] });
    expect(told(made(), other).map(([text, risk]) => [text, risk])).toEqual([
      ['removed: configuration system ifupdown', 'recovery'],
      ['added: configuration system NetworkManager', 'recovery'],
    ]);
    expect(told(made(), made({ systems: [{ name: 'ifupdown', reason: 'other' }] }))).toEqual([]);
  });
});

describe('a document edited by hand', () => {
  const [eth0, eth1, bond0] = made().links;
  test.each<[string, unknown, string]>([
    [
      'a master that is not there',
      { ...made(), links: [eth0, { ...eth1, master: 'bond9' }, bond0] },
      'links[1].master: no link has the name "bond9"',
    ],
    [
      'a lower link that is not there',
      { ...made(), links: [{ ...bond0, lower: ['x'] }] },
      'links[0].lower[0]: no link has the name "x"',
    ],
    ['a name twice', { ...made(), links: [eth0, eth0] }, 'links[1].name: two links have the name "eth0"'],
    [
      'a prefix that is too long',
      { ...made(), links: [{ ...eth0, addresses: [address('192.0.2.1', { prefix: 33 })] }] },
      'links[0].addresses[0]: a prefix of inet has at most 32 bits, not 33',
    ],
    [
      'an address of the other family',
      { ...made(), links: [{ ...eth0, addresses: [address('2001:db8::1')] }] },
      'links[0].addresses[0]: "2001:db8::1" is not an address of inet',
    ],
    ['an unknown family', { ...made(), routes: [{ ...route('default', 'eth0'), family: 'ipx' }] }, 'routes[0].family'],
    [
      'an unknown kind of settings',
      { ...made(), links: [{ ...eth0, detail: { kind: 'bnd' } }] },
      'links[0].detail.kind',
    ],
    [
      'settings of another kind',
      { ...made(), links: [{ ...eth0, detail: { kind: 'dummy' } }] },
      'links[0].detail.kind: the link is a ether, not a dummy',
    ],
    [
      'a VLAN id that is none',
      { ...made(), links: [{ ...eth0, kind: 'vlan', detail: { kind: 'vlan', id: 4096 } }] },
      'links[0].detail.id',
    ],
    ['a route to nowhere', { ...made(), routes: [route('10.0.0.0/99', 'eth0')] }, 'routes[0].destination'],
    ['no list', { ...made(), rules: 'x' }, 'rules'],
  ])('%s', (_, document, message) => {
    expect(() => parseNetwork(document)).toThrow(message);
  });
  test('a later version', () => {
    expect(() => parseNetwork({ ...made(), format: 'lifeboat.network/2' })).toThrow('newer');
  });
});
