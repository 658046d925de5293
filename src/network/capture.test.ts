import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { recordedHost } from '../host/recorded.ts';
import type { Jsonable } from '../kernel/json.ts';
import { captureNetwork } from './capture.ts';
import { networkChanges } from './diff.ts';
import { parseResolvConf } from './dns.ts';
import { linksArgv, parseLinks } from './links.ts';
import { parseRoutes, routesArgv } from './routes.ts';
import { networkText } from './text.ts';
import { type Network, parseNetwork } from './types.ts';

const now = new Date('2026-11-20T12:00:00Z');
const fixtures = join(import.meta.dirname, '../../test/fixtures');

function recorded(name: string) {
  const read = (tool: string) => JSON.parse(readFileSync(join(fixtures, tool, `${name}.json`), 'utf8'));
  return { commands: read('ip').commands, files: read('resolv.conf').files };
}

describe('links of several kinds, recorded in a network namespace', () => {
  const capture = async (signal: AbortSignal) =>
    await captureNetwork(recordedHost(recorded('debian12-kinds')), now, signal);

  test('kinds, addresses and routes', async ({ signal }) => {
    const network = await capture(signal);
    expect(network.gaps).toEqual([]);
    const plain: Jsonable<Network> = network;
    expect(parseNetwork(JSON.parse(JSON.stringify(plain)))).toEqual(network);
    const kinds = Object.fromEntries(network.links.map(({ name, kind }) => [name, kind]));
    expect(kinds).toMatchObject({ lo: 'loopback', veth0: 'veth', veth1: 'veth', br0: 'bridge' });
    const veth0 = network.links.find(({ name }) => name === 'veth0');
    expect(veth0).toMatchObject({ mac: '02:00:00:00:01:01', mtu: 1500, state: 'up' });
    expect(veth0?.addresses.filter(({ scope }) => scope === 'global')).toEqual([
      { address: '198.51.100.1', prefix: 24, family: 'inet', scope: 'global', dynamic: false },
      { address: '198.51.100.2', prefix: 24, family: 'inet', scope: 'global', dynamic: true },
      { address: '2001:db8::1', prefix: 64, family: 'inet6', scope: 'global', dynamic: false },
    ]);
    const routes = network.routes.filter(({ table }) => table !== 'local');
    expect(routes).toContainEqual({
      family: 'inet',
      table: '77',
      destination: '10.9.0.0/16',
      gateway: '198.51.100.251',
      dev: 'veth0',
      source: '198.51.100.1',
    });
    expect(routes).toContainEqual({ family: 'inet', table: 'main', type: 'blackhole', destination: '192.0.2.0/24' });
    expect(routes.find(({ nextHops }) => nextHops !== undefined)?.nextHops).toEqual([
      { gateway: '198.51.100.253', dev: 'veth0', weight: 2 },
      { gateway: '198.51.100.252', dev: 'veth0', weight: 1 },
    ]);
  });

  test('in words', async ({ signal }) => {
    expect(networkText(await capture(signal))).toMatchSnapshot();
  });

  test('what has changed, and what only moves', async ({ signal }) => {
    const before = await capture(signal);
    expect(networkChanges(before, before)).toEqual([]);
    const links = before.links.map((link) => ({
      ...link,
      index: link.index + 7,
      state: 'down',
      addresses: link.addresses.filter(({ dynamic }) => !dynamic),
    }));
    expect(networkChanges(before, { ...before, links })).toEqual([]);
    const after: Network = {
      ...before,
      hostname: 'web2',
      links: links
        .filter(({ name }) => name !== 'br0')
        .map((link) => (link.name === 'veth0' ? { ...link, mtu: 9000, addresses: [] } : link)),
      routes: before.routes.filter(({ destination }) => destination !== 'default'),
      dns: { servers: ['192.0.2.54'], search: [] },
    };
    expect(networkChanges(before, after).map(({ text }) => text)).toEqual([
      'hostname was web1, is web2',
      expect.stringContaining('removed: link br0  bridge'),
      'link veth0: mtu was 1500, is 9000',
      'removed: link veth0: address 198.51.100.1/24',
      'removed: link veth0: address 2001:db8::1/64',
      ...before.links
        .find(({ name }) => name === 'veth0')!
        .addresses.filter(({ scope }) => scope === 'link')
        .map(({ address, prefix }) => `removed: link veth0: address ${address}/${prefix}  link`),
      'removed: route default via 198.51.100.254 dev veth0 metric 100',
      'name servers were 192.0.2.53, are 192.0.2.54',
    ]);
  });
});

test('a plain machine', async ({ signal }) => {
  const network = await captureNetwork(recordedHost(recorded('debian12-plain')), now, signal);
  expect(network.gaps).toEqual([]);
  expect(network.dns).toEqual({ servers: ['192.0.2.53'], search: [] });
  expect(network.routes.filter(({ destination }) => destination === 'default').map(({ family }) => family)).toEqual([
    'inet',
    'inet6',
  ]);
});

test.each(['', 'garbage', '{"a":1}', '[{"ifname":3}]', '[{"dst":3}]'])('ip says %j', async (stdout) => {
  const commands = [linksArgv, routesArgv('inet'), routesArgv('inet6')].map((argv) => ({ argv, code: 0, stdout }));
  const host = recordedHost({ commands, files: { '/proc/sys/kernel/hostname': 'web1\n', '/etc/resolv.conf': null } });
  const network = await captureNetwork(host, now, new AbortController().signal);
  expect(network).toMatchObject({ hostname: 'web1', links: [], routes: [], dns: { servers: [], search: [] } });
  // An old ip prints nothing where there is no route.
  const routes = stdout === '' ? [] : ['IPv4 routes', 'IPv6 routes'];
  expect(network.gaps.map(({ subject }) => subject).sort()).toEqual([
    '/etc/resolv.conf',
    ...routes,
    'links and addresses',
  ]);
});

test('no ip on the host', async ({ signal }) => {
  const commands = [linksArgv, routesArgv('inet'), routesArgv('inet6')].map((argv) => ({
    argv,
    code: 127,
    stdout: '',
    missing: true,
  }));
  const host = recordedHost({ commands, files: { '/proc/sys/kernel/hostname': 'web1\n', '/etc/resolv.conf': '' } });
  const { gaps } = await captureNetwork(host, now, signal);
  expect(gaps).toHaveLength(3);
  for (const { problem, hint } of gaps) expect(`${problem} ${hint}`).toContain('iproute2');
});

describe('resolv.conf', () => {
  test.each([
    [
      'nameserver 192.0.2.1\n# nameserver 192.0.2.9\nsearch a b\ndomain c ; x\n',
      { servers: ['192.0.2.1'], search: ['c'] },
    ],
    ['', { servers: [], search: [] }],
    ['nameserver\noptions edns0\n', { servers: [], search: [] }],
  ])('%j', (content, expected) => {
    expect(parseResolvConf(content)).toEqual(expected);
  });

  test('the servers behind the stub of systemd-resolved', async ({ signal }) => {
    const files = {
      '/proc/sys/kernel/hostname': 'web1\n',
      '/etc/resolv.conf': 'nameserver 127.0.0.53\n',
      '/run/systemd/resolve/resolv.conf': 'nameserver 192.0.2.1\n',
    };
    const host = recordedHost({ commands: recorded('debian12-plain').commands, files });
    expect((await captureNetwork(host, now, signal)).dns.servers).toEqual(['192.0.2.1']);
  });
});

test('any text gives a result or an error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
      for (const parse of [parseLinks, (input: string) => parseRoutes(input, 'inet')]) {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    }),
  );
});

test('a name with an escape sequence does not reach the terminal', async ({ signal }) => {
  const network = await captureNetwork(recordedHost(recorded('debian12-plain')), now, signal);
  const [link] = network.links;
  if (link === undefined) throw new Error('no link');
  const text = networkText({ ...network, hostname: 'a\u001b[2J', links: [{ ...link, name: 'x\u001b]0;y\u0007' }] });
  // oxlint-disable-next-line no-control-regex -- that none is there
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
});

test('this machine, against /sys/class/net', async ({ signal }) => {
  await using host = localHost();
  const network = await captureNetwork(host, now, signal);
  const names = readdirSync('/sys/class/net', { withFileTypes: true }).filter((entry) => entry.isSymbolicLink());
  expect(network.links.map(({ name }) => name).sort()).toEqual(names.map(({ name }) => name).sort());
  for (const { name, mtu, index, mac } of network.links) {
    const own = (file: string) => readFileSync(`/sys/class/net/${name}/${file}`, 'utf8').trim();
    expect([mtu, index]).toEqual([Number(own('mtu')), Number(own('ifindex'))]);
    if (mac?.includes(':') === true) expect(mac).toBe(own('address'));
  }
});
