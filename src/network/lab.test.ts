/** What the tools of three releases say of one of each kind of link on a real kernel (`test/lab/networks/all.sh`), as it was recorded. */
import { describe, expect, test } from 'vitest';
import { networkRecording, recordedNetwork } from '../../test/helpers/recorded-networks.ts';
import { networkChanges } from './diff.ts';
import { parseRoutes } from './routes.ts';
import { networkText } from './text.ts';
import type { Network } from './types.ts';

describe.each(['debian11', 'debian12', 'debian13'])('%s', (release) => {
  test('every link is of a kind that is known', async () => {
    const { links, gaps } = await recordedNetwork(release);
    expect(gaps).toEqual([]);
    expect(links.filter(({ detail }) => detail?.kind === 'other')).toEqual([]);
    expect(links.find(({ kind }) => kind === 'macsec')).toMatchObject({
      lower: ['bond2'],
      detail: { sci: '0000000000000001', encrypt: true, validation: 'strict', cipher_suite: 'GCM-AES-128' },
    });
  });

  test('tunnels: all that they were given', async () => {
    const { links } = await recordedNetwork(release);
    const detail = (name: string) => links.find((link) => link.name === name)?.detail;
    expect(detail('gn0')).toMatchObject({
      kind: 'geneve',
      id: 77,
      remote: '192.0.2.9',
      port: 6081,
      ttl: 16,
      tos: '0x8',
    });
    expect(detail('gn1')).toMatchObject({ kind: 'geneve', external: true });
    expect(detail('sit1')).toMatchObject({
      prefix: '2001:db8::',
      prefixlen: 32,
      relay_prefix: '192.0.2.0',
      relay_prefixlen: 24,
    });
    expect(detail('ip6t')).toMatchObject({ proto: 'any', encap_limit: 4, ttl: 32 });
  });

  test('what a kernel makes up for a tunnel is no MAC of a card', async () => {
    const { links } = await recordedNetwork(release);
    const cards = links.filter(({ permanentMac }) => permanentMac !== undefined);
    expect(new Set(cards.map(({ kind }) => kind))).toEqual(new Set(['ether']));
    expect(cards.map(({ permanentMac }) => permanentMac)).toContain('52:54:00:00:00:02');
  });

  test('addresses: which the kernel made, and which is not for new connections', async () => {
    const { links } = await recordedNetwork(release);
    const addresses = links.flatMap((link) => link.addresses);
    const own = addresses.filter(({ scope, family }) => scope === 'link' && family === 'inet6');
    expect(own.map(({ address }) => address)).toContain('fe80::5efe:c000:201');
    expect(new Set(own.map(({ origin }) => origin))).toEqual(new Set(['kernel']));
    expect(addresses.filter(({ deprecated }) => deprecated === true)).toMatchObject([{ address: '2001:db8:1::1' }]);
  });

  test('a route that encapsulates keeps its destination, and the others theirs', async () => {
    const { routes } = await recordedNetwork(release);
    expect(routes.filter(({ encap }) => encap !== undefined)).toMatchObject([
      { destination: '10.12.0.0/16', dev: 'vx2', encap: 'ip' },
    ]);
    expect(routes).not.toContainEqual(expect.objectContaining({ destination: '192.0.2.77' }));
    expect(routes).toContainEqual(expect.objectContaining({ destination: '10.9.0.0/16', tos: '0x10', onlink: true }));
  });

  test('nothing that is secret was asked for', async () => {
    const text = networkRecording(release);
    expect(text).not.toMatch(/private-key|preshared|"all",\s+"dump"/);
    expect(networkText(await recordedNetwork(release))).not.toContain('\u001b');
  });
});

test('the same network on another release: only what its tools did not say before, or call something else', async () => {
  const told = (one: Network, other: Network) =>
    networkChanges(one, other)
      .map(({ text }) => text)
      // Made anew for each machine: random MACs and keys, and addresses that follow from them.
      .filter((text) => !/MAC was|public key|publicKey|: peer |fe80:/.test(text));
  const [old, middle, late] = await Promise.all(['debian11', 'debian12', 'debian13'].map(recordedNetwork));
  if (old === undefined || middle === undefined || late === undefined) throw new Error('three releases');
  expect({ 'from 11 to 12': told(old, middle), 'from 12 to 13': told(middle, late) }).toMatchSnapshot();
});

test('a route with a kind of service of its own and an encapsulation', () => {
  const beside =
    '[{"dst":"10.0.0.0/8","tos":"0x10","encap":"ip6","id":0,"src":"::","dst":"2001:db8::9","hoplimit":0,"tc":0,"dev":"vx2","flags":[]}]';
  expect(parseRoutes(beside, 'inet')).toEqual([
    { family: 'inet', table: 'main', destination: '10.0.0.0/8', tos: '0x10', dev: 'vx2', encap: 'ip6' },
  ]);
});
