import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { recordedHost } from '../host/recorded.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { Jsonable } from '../kernel/json.ts';
import { captureNetwork } from './capture.ts';
import { networkChanges } from './diff.ts';
import { parseHosts, parseResolvConf } from './dns.ts';
import { linksArgv } from './links.ts';
import { subjects } from './subjects.ts';
import { networkText } from './text.ts';
import { type Network, parseNetwork } from './types.ts';

const now = new Date('2026-11-20T12:00:00Z');
const recording = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../test/fixtures/ip/${name}.json`), 'utf8'));
const recorded = (name: string): Host => recordedHost(recording(name));

describe('links of several kinds, recorded in namespaces', () => {
  test('kinds, edges, addresses and routes', async ({ signal }) => {
    const network = await captureNetwork(recorded('debian12-kinds'), now, signal);
    expect(network.gaps).toEqual([]);
    const plain: Jsonable<Network> = network;
    expect(parseNetwork(JSON.parse(JSON.stringify(plain)))).toEqual(network);
    const link = (name: string) => network.links.find((found) => found.name === name);
    expect(link('br0')).toMatchObject({
      lower: ['veth1', 'veth3'],
      detail: { kind: 'bridge', stp_state: 1, priority: 4096 },
    });
    expect(link('veth0')).toMatchObject({ mac: '02:00:00:00:01:01', macOrigin: 'set', peer: 'veth1', alias: 'uplink' });
    expect(link('mac0')).toMatchObject({ lower: ['veth0'], detail: { kind: 'macvlan', mode: 'bridge' } });
    expect(link('side0')).toMatchObject({ elsewhere: true });
    expect(link('veth0')?.addresses.map(({ address, origin }) => [address, origin])).toEqual([
      ['198.51.100.1', 'static'],
      ['198.51.100.2', 'dhcp'],
      ['2001:db8::2', 'slaac'],
      ['2001:db8::1', 'static'],
      ['fe80::ff:fe00:101', 'kernel'],
    ]);
    expect(network.routes).toContainEqual({
      family: 'inet',
      table: '77',
      destination: '10.9.0.0/16',
      gateway: '198.51.100.251',
      dev: 'veth0',
      source: '198.51.100.1',
    });
    expect(network.routes).toContainEqual({
      family: 'inet',
      table: 'main',
      type: 'blackhole',
      destination: '192.0.2.0/24',
    });
    expect(network.routes.find(({ nextHops }) => nextHops !== undefined)?.nextHops).toEqual([
      { gateway: '198.51.100.253', dev: 'veth0', weight: 2 },
      { gateway: '198.51.100.252', dev: 'veth0', weight: 1 },
    ]);
  });

  test('in words', async ({ signal }) => {
    expect(networkText(await captureNetwork(recorded('debian12-kinds'), now, signal))).toMatchSnapshot();
  });

  test('no secret leaves a file, and what is left of it has a digest', async ({ signal }) => {
    expect(JSON.stringify(recording('debian12-kinds'))).toContain('hunter2');
    const network = await captureNetwork(recorded('debian12-kinds'), now, signal);
    expect(JSON.stringify(network)).not.toContain('hunter2');
    expect(network.files?.find(({ path }) => path === '/etc/wireguard/wg0.conf')).toEqual({
      path: '/etc/wireguard/wg0.conf',
      content: '[Interface]\nPrivateKey = [redacted]\nListenPort = 51820\n',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      redacted: true,
    });
  });
});

test('a plain machine with a card', async ({ signal }) => {
  const network = await captureNetwork(recorded('debian12-plain'), now, signal);
  expect(network.gaps).toEqual([]);
  expect(network.dns).toEqual({ servers: ['192.0.2.53'], search: [] });
  expect(network.links.find(({ name }) => name === 'eth0')).toMatchObject({
    kind: 'ether',
    driver: 'virtio_net',
    busPath: 'pci0000:00/0000:00:03.0',
    permanentMac: '02:fc:00:00:00:01',
    macOrigin: 'permanent',
  });
  expect(network.systems).toEqual([{ name: 'netplan', reason: '1 file', renders: ['systemd-networkd'] }]);
  expect(networkText(network)).toMatchSnapshot();
});

/** A host on which no question is answered as it should be. */
function broken(answer: (argv: readonly string[]) => Promise<{ stdout: string; stderr: string; code: number }>): Host {
  const host: Host = {
    ...recordedHost({ commands: [] }),
    run: async (argv) => {
      const { stdout, stderr, code } = await answer(argv);
      return { stdout: Buffer.from(stdout), stderr, code };
    },
    read: async () => Buffer.from((await answer(['cat'])).stdout),
  };
  return host;
}

test.each(['', 'garbage', '{"a":1}', '[{"ifname":3}]', '[{"dst":3}]', '[null]'])(
  'every tool says %j',
  async (stdout) => {
    const host = broken(async () => ({ stdout, stderr: '', code: 0 }));
    const network = await captureNetwork(host, now, new AbortController().signal);
    expect(network).toMatchObject({ links: [], routes: [] });
    expect(network.gaps.map(({ subject }) => subject)).toContain(subjects.links);
    expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
  },
);

test('nothing is installed: every gap names a package or a file', async ({ signal }) => {
  const missing = recording('debian12-plain').commands.map(({ argv }: { argv: string[] }) => ({
    argv,
    code: 127,
    stdout: '',
    missing: true,
  }));
  const { gaps } = await captureNetwork(recordedHost({ commands: missing, files: {} }), now, signal);
  const of = (subject: string) => gaps.find((gap) => gap.subject === subject);
  for (const subject of [subjects.links, subjects.routes.inet, subjects.rules.inet6, subjects.neighbours]) {
    expect(`${of(subject)?.problem} ${of(subject)?.hint}`).toContain('iproute2');
  }
  expect(of(subjects.files)?.problem).toContain('grep');
});

test('without ethtool one gap says so, and the rest is there', async ({ signal }) => {
  const { commands, ...rest } = recording('debian12-plain');
  const without = commands.map((command: { argv: string[] }) =>
    command.argv[0] === 'ethtool' ? { ...command, code: 127, stdout: '', missing: true } : command,
  );
  const { gaps, links } = await captureNetwork(recordedHost({ ...rest, commands: without }), now, signal);
  expect(gaps).toHaveLength(1);
  expect(gaps[0]).toMatchObject({ subject: subjects.offloads, hint: expect.stringContaining('ethtool') });
  expect(links.length).toBeGreaterThan(1);
});

test('any output of any tool is a gap or a document that can be read again', async () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), fc.json());
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 12 }), fc.constantFrom(0, 1, 2), async (texts, code) => {
      let count = 0;
      const next = () => texts[count++ % texts.length] ?? '';
      const host = broken(async () => ({ stdout: next(), stderr: next(), code }));
      const network = await captureNetwork(host, now, new AbortController().signal);
      expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
      expect(networkChanges(network, network)).toEqual([]);
      networkText(network);
    }),
    { numRuns: 40 },
  );
});

/** Output that is almost right: real entries with fields that have become something else. */
test('links with damaged fields are gaps, not exceptions', async () => {
  const { commands, ...rest } = recording('debian12-kinds');
  const entries: readonly Record<string, unknown>[] = JSON.parse(
    commands.find(({ argv }: { argv: string[] }) => argv.join(' ') === linksArgv.join(' ')).stdout,
  );
  await fc.assert(
    fc.asyncProperty(fc.nat(entries.length - 1), fc.nat(), fc.jsonValue(), async (at, which, value) => {
      const damaged = entries.map((entry, index) => {
        const keys = Object.keys(entry);
        return index === at ? { ...entry, [keys[which % keys.length] ?? 'x']: value } : entry;
      });
      const host = recordedHost({
        ...rest,
        commands: commands.map((command: { argv: string[] }) =>
          command.argv.join(' ') === linksArgv.join(' ') ? { ...command, stdout: JSON.stringify(damaged) } : command,
        ),
      });
      const network = await captureNetwork(host, now, new AbortController().signal);
      try {
        parseNetwork(JSON.parse(JSON.stringify(network)));
      } catch (error) {
        // An address that is none is told by its place.
        expect(error).toBeInstanceOf(LifeboatError);
      }
      expect(networkChanges(network, network)).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

describe('resolv.conf and hosts', () => {
  test.each([
    [
      'nameserver 192.0.2.1\n# nameserver 192.0.2.9\nsearch a b\ndomain c ; x\n',
      { servers: ['192.0.2.1'], search: ['c'] },
    ],
    ['', { servers: [], search: [] }],
    ['nameserver\noptions edns0 rotate\n', { servers: [], search: [], options: ['edns0', 'rotate'] }],
  ])('%j', (content, expected) => {
    expect(parseResolvConf(content)).toEqual(expected);
  });

  test('the servers behind the stub of systemd-resolved', async ({ signal }) => {
    const files = {
      ...recording('debian12-plain').files,
      '/etc/resolv.conf': 'nameserver 127.0.0.53\noptions edns0\n',
      '/run/systemd/resolve/resolv.conf': 'nameserver 192.0.2.1\n',
    };
    const host = recordedHost({ ...recording('debian12-plain'), files });
    expect((await captureNetwork(host, now, signal)).dns).toEqual({
      servers: ['192.0.2.1'],
      search: [],
      options: ['edns0'],
    });
  });

  test('lines of the hosts file', () => {
    expect(parseHosts('127.0.0.1\tlocalhost  loop # x\n\n# y\n::1\n')).toEqual([
      { address: '127.0.0.1', names: ['localhost', 'loop'] },
    ]);
  });
});

test('names with escape sequences do not reach the terminal', async ({ signal }) => {
  const network = await captureNetwork(recorded('debian12-kinds'), now, signal);
  const bad = 'x\u001b]0;y\u0007\n\u202e';
  const text = networkText({
    ...network,
    hostname: bad,
    links: network.links.map((link) => ({ ...link, name: bad, alias: bad, alternativeNames: [bad], driver: bad })),
    routes: network.routes.map((route) => ({ ...route, dev: bad })),
    hosts: [{ address: bad, names: [bad] }],
    namespaces: [bad],
    firewall: [{ kind: 'nft', rules: bad }],
    sysctls: [{ key: bad, value: bad }],
    files: [{ path: bad }],
    systems: [{ name: bad, reason: bad }],
    gaps: [{ subject: bad, problem: bad }],
  });
  // oxlint-disable-next-line no-control-regex -- that none is there
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
});

test('hundreds of links and 10,000 routes', async ({ signal }) => {
  const network = await captureNetwork(recorded('debian12-plain'), now, signal);
  const [link] = network.links;
  if (link === undefined) throw new Error('no link');
  const links = Array.from({ length: 1_000 }, (_, index) => ({ ...link, name: `eth${index}`, index }));
  const route = { family: 'inet', table: 'main', dev: 'eth1' } as const;
  const routes = Array.from({ length: 10_000 }, (_, index) => ({
    ...route,
    destination: `10.${index >> 8}.${index & 255}.0/24`,
  }));
  const large: Network = { ...network, links, routes };
  const started = performance.now();
  expect(networkText(large)).toContain('… and 9950 more');
  expect(networkChanges(large, { ...large, routes: routes.toReversed(), links: links.toReversed() })).toEqual([]);
  expect(networkChanges(large, { ...large, routes: [] })).toHaveLength(10_000);
  parseNetwork(large);
  // Linear: this takes some 100 ms; anything quadratic takes minutes.
  expect(performance.now() - started).toBeLessThan(10_000);
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
  expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
  expect(networkChanges(network, await captureNetwork(host, now, signal))).toEqual([]);
});
