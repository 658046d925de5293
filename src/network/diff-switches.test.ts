import { describe, expect, test } from 'vitest';
import { networkChanges } from './diff.ts';
import type { Address, Link, Network } from './types.ts';

const address = (text: string, more: Partial<Address> = {}): Address => ({
  address: text,
  prefix: 24,
  family: 'inet',
  scope: 'global',
  dynamic: false,
  origin: 'static',
  ...more,
});
const link = (name: string, kind: string, more: Partial<Link> = {}): Link => ({
  name,
  index: 2,
  kind,
  mtu: 1500,
  state: 'up',
  enabled: true,
  flags: [],
  addresses: [],
  ...more,
});
const links: readonly Link[] = [
  link('lo', 'loopback', { addresses: [address('127.0.0.1', { scope: 'host', origin: 'kernel' })] }),
  link('eth0', 'ether', { master: 'bond0' }),
  link('eth1', 'ether', { addresses: [address('192.0.2.7', { dynamic: true, origin: 'dhcp' })] }),
  link('eth2', 'ether'),
  link('eth3', 'ether', { addresses: [address('192.0.2.8', { dynamic: true, origin: 'dhcp' })] }),
  link('bond0', 'bond', { lower: ['eth0'] }),
  link('bond0.12', 'vlan', { lower: ['bond0'], addresses: [address('192.0.2.10')] }),
  link('docker0', 'bridge', { addresses: [address('172.17.0.1')] }),
  link('veth7c0ffee', 'veth', { elsewhere: true }),
  link('tap0', 'tun', { detail: { kind: 'tun', type: 'tap', persist: false } }),
];
const made = (found: readonly Link[] = links): Network => ({
  format: 'lifeboat.network/1',
  capturedAt: '2026-11-20T12:00:00Z',
  hostname: 'web1',
  links: [...found],
  routes: [{ family: 'inet', table: 'main', destination: 'default', dev: 'eth1', protocol: 'dhcp' }],
  rules: [],
  dns: { servers: [], search: [] },
  gaps: [],
});
const but = (name: string, more: Partial<Link>): Network =>
  made(links.map((found) => (found.name === name ? { ...found, ...more } : found)));
const told = (before: Network, after: Network) =>
  networkChanges(before, after).map(({ attribute, text, risk }) => [attribute, text, risk]);

describe('a link that its administrator switched off', () => {
  test.each([
    ['lo', 'recovery'],
    // Addresses are on what stands on it.
    ['eth0', 'recovery'],
    ['bond0', 'recovery'],
    ['bond0.12', 'recovery'],
    // The default route.
    ['eth1', 'recovery'],
    ['eth2', 'appearance'],
    ['eth3', 'appearance'],
    // Its runtime switches it on again.
    ['docker0', 'appearance'],
  ])('%s: %s', (name, risk) => {
    const off = but(name, { enabled: false });
    expect(told(made(), off)).toEqual([['enabled', `link ${name}: by its administrator it was on, is off`, risk]]);
    expect(told(off, made())).toEqual([['enabled', `link ${name}: by its administrator it was off, is on`, risk]]);
  });

  test('its default route went with it', () => {
    const off = { ...but('eth1', { enabled: false }), routes: [] };
    expect(told(made(), off)).toEqual([['enabled', 'link eth1: by its administrator it was on, is off', 'recovery']]);
  });

  test.each(['veth7c0ffee', 'tap0'])('%s, which a program made, is no change', (name) => {
    expect(told(made(), but(name, { enabled: false, flags: ['PROMISC', 'NOARP'] }))).toEqual([]);
  });
});

describe('flags', () => {
  test.each([
    ['bond0.12', 'NOARP', 'arp', 'ARP was on, is off', 'recovery'],
    ['eth2', 'NOARP', 'arp', 'ARP was on, is off', 'appearance'],
    ['eth1', 'NOMULTICAST', 'multicast', 'multicast was on, is off', 'appearance'],
    ['eth1', 'PROMISC', 'promisc', 'promiscuous mode was off, is on', 'appearance'],
    ['eth1', 'ALLMULTI', 'allmulticast', 'all of multicast was off, is on', 'appearance'],
  ])('%s %s', (name, flag, attribute, words, risk) => {
    expect(told(made(), but(name, { flags: [flag] }))).toEqual([[attribute, `link ${name}: ${words}`, risk]]);
  });
});

test('a capture that did not look is not compared', () => {
  const earlier = made(links.map(({ flags: _1, enabled: _2, ...rest }) => rest));
  const now = made(links.map((found) => ({ ...found, flags: ['NOARP', 'PROMISC'], enabled: false })));
  expect(told(earlier, now)).toEqual([]);
  expect(told(now, earlier)).toEqual([]);
});

describe('the cost of a port of a bridge', () => {
  const port = (cost: number) => but('eth2', { master: 'bond0', membership: { kind: 'bridge', cost } });
  test.each([
    [2, 55, true],
    [55, 2, true],
    [55, 56, true],
    // Another speed of its link.
    [4, 19, false],
    [100, 2, false],
    // The same speed, by a later kernel.
    [4, 5, false],
  ])('%i → %i', (before, after, counts) => {
    expect(networkChanges(port(before), port(after)).map(({ attribute }) => attribute)).toEqual(counts ? ['cost'] : []);
  });
});
