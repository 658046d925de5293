/** Links of all kinds on real kernels: what was captured is what the kernel and the plain tools say, and no key is in it. */
import { expect, test } from 'vitest';
import { captureNetwork } from '../../../src/network/capture.ts';
import { networkChanges } from '../../../src/network/diff.ts';
import { networkText } from '../../../src/network/text.ts';
import { parseNetwork } from '../../../src/network/types.ts';
import { ofToday } from '../../helpers/suite.ts';
import { releases } from '../builder.ts';
import { networkLab } from '../network-lab.ts';
import { networkWitness, saidOfNetwork } from '../network-witness.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(ofToday(releases, now))('%s', { timeout: 900_000 }, async (release) => {
  await using lab = await networkLab(release, signal);
  const ask = async (...argv: [string, ...string[]]) => (await lab.host.run(argv, {}, signal)).stdout.toString();
  const network = parseNetwork(JSON.parse(JSON.stringify(await captureNetwork(lab.host, now, signal))));
  expect(network.gaps).toEqual([]);
  const witness = await networkWitness(lab.host, signal);
  expect(saidOfNetwork(network, witness)).toEqual(witness);

  const link = (name: string) => network.links.find((one) => one.name === name);
  // What sysfs does not tell is as the script has set it.
  expect(link('gn0')?.detail).toMatchObject({ kind: 'geneve', id: 77, remote: '192.0.2.9', port: 6081, ttl: 16 });
  // ip of Debian 11 says no more of one that is external.
  const external = release === 'debian11' ? {} : { port: 6082 };
  expect(link('gn1')?.detail).toMatchObject({ kind: 'geneve', external: true, ...external });
  expect(link('vx0')?.detail).toMatchObject({
    id: 42,
    group: '239.1.1.1',
    port: 4789,
    ttl: 8,
    link: lab.cards.get('H'),
  });
  expect(link('vx1')?.detail).toMatchObject({
    id: 43,
    remote: '192.0.2.9',
    local: '192.0.2.1',
    learning: false,
    limit: 100,
  });
  expect(link('sit1')?.detail).toMatchObject({ prefix: '2001:db8::', prefixlen: 32, relay_prefix: '192.0.2.0' });
  expect(link('gre1')?.detail).toMatchObject({ ikey: '0.0.0.42', okey: '0.0.0.42', ttl: 64, icsum: true });
  expect(link('gt1')?.detail).toMatchObject({ ikey: '1.2.3.4', okey: '0.0.0.5', pmtudisc: false });
  expect(link('ip6t')?.detail).toMatchObject({ proto: 'any', remote: '2001:db8::9', encap_limit: 4, ttl: 32 });
  expect(link('g6')?.detail).toMatchObject({ kind: 'ip6gre', ikey: '0.0.0.7' });
  expect(link('vti1')?.detail).toMatchObject({ kind: 'vti', ikey: '0.0.0.9' });
  expect(link('vrf1')).toMatchObject({ detail: { kind: 'vrf', table: 100 }, lower: ['dummy3'] });
  for (const [name, mode] of Object.entries({
    mv0: 'private',
    mv1: 'vepa',
    mv2: 'bridge',
    mv3: 'source',
    mt0: 'bridge',
  })) {
    expect(link(name)).toMatchObject({ detail: { mode }, lower: [lab.cards.get('H')] });
  }
  expect(new Set(macsOf(link('mv3')?.detail))).toEqual(new Set(['02:00:00:00:0f:01', '02:00:00:00:0f:02']));
  expect(link('iv0')?.detail).toMatchObject({ kind: 'ipvlan', mode: 'l2' });
  expect(link('iv1')?.detail).toMatchObject({ kind: 'ipvlan', mode: 'l3', private: true });
  expect(link('iv2')?.detail).toMatchObject({ kind: 'ipvlan', mode: 'l3s', vepa: true });
  expect(link('outer')?.detail).toMatchObject({ protocol: '802.1ad', id: 100 });
  expect(link('loose')?.detail).toMatchObject({ flags: ['GVRP', 'LOOSE_BINDING'] });
  expect(link(lab.cards.get('H') ?? '')).toMatchObject({
    driver: 'e1000e',
    permanentMac: '52:54:00:00:00:08',
    busPath: expect.stringMatching(/^pci0000:00\//),
    alternativeNames: expect.arrayContaining(['uplink0']),
    group: '7',
    offloads: { 'tx-tcp-segmentation': false, 'generic-receive-offload': false },
  });
  // A port's own MAC is kept, whatever its bond gives it.
  expect(link(lab.cards.get('B') ?? '')).toMatchObject({ driver: 'virtio_net', permanentMac: '52:54:00:00:00:02' });
  expect(link('bond0.12')?.addresses).toContainEqual(
    expect.objectContaining({ address: '2001:db8:1::1', noPrefixRoute: true, deprecated: true, origin: 'static' }),
  );
  const madeByKernel = network.links
    .flatMap(({ addresses }) => addresses)
    .filter(({ address }) => address.startsWith('fe80:'));
  expect(new Set(madeByKernel.map(({ origin }) => origin))).toEqual(new Set(['kernel']));
  expect(network.rules).toContainEqual(
    expect.objectContaining({
      priority: 1001,
      not: true,
      mark: '0x7/0xff',
      incoming: lab.cards.get('H'),
      table: '200',
    }),
  );
  expect(network.routes).toContainEqual(expect.objectContaining({ destination: '10.12.0.0/16', encap: 'ip' }));
  expect(network.systems?.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['ifupdown', 'systemd-networkd', 'netplan', 'NetworkManager']),
  );
  expect(network.sysctls).toContainEqual(
    expect.objectContaining({ key: 'net.ipv4.conf.bond0/12.proxy_arp', value: '1' }),
  );

  const text = JSON.stringify(network) + networkText(network);
  for (const file of ['/tmp/own', '/tmp/other', '/tmp/shared'])
    expect(text).not.toContain((await ask('cat', file)).trim());
  expect(text).not.toMatch(/canary-|00112233445566778899aabbccddeeff/i);

  // The same links a while later, and made anew with the numbers that a kernel then chooses.
  expect(networkChanges(network, await captureNetwork(lab.host, now, signal))).toEqual([]);
  await lab.host.run(
    [
      'sh',
      '-ec',
      'ip link del ip6t; ip link add ip6t type ip6tnl local 2001:db8::1 remote 2001:db8::9 mode any encaplimit 4 hoplimit 32; ip link set ip6t mtu 1452',
    ],
    {},
    signal,
  );
  expect(networkChanges(network, await captureNetwork(lab.host, now, signal))).toEqual([]);
});

function macsOf(detail: object | undefined): readonly string[] {
  return detail !== undefined && 'macaddr_data' in detail && Array.isArray(detail.macaddr_data)
    ? detail.macaddr_data
    : [];
}
