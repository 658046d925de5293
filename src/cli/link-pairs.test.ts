import { expect, test } from 'vitest';
import type { Network } from '../network/types.ts';
import { linkPairs, linksNamed } from './link-pairs.ts';

const network = (...names: readonly string[]): Network => ({
  format: 'lifeboat.network/1',
  capturedAt: '2026-11-21T12:00:00.000Z',
  hostname: 'web1',
  links: names.map((name, index) => ({
    name,
    index,
    kind: 'ether',
    mtu: 1500,
    state: 'up',
    permanentMac: `52:54:00:00:00:${name === 'twin' ? 'aa' : `0${name.length}`}`,
    addresses: [],
  })),
  routes: [],
  dns: { servers: [], search: [] },
  gaps: [],
});

const wanted = network('ens3', 'twin', 'uplink');
const found = network('enp1s0', 'twin', 'enp12s0');

test('by name or MAC', () => {
  expect([...linkPairs(['ens3=enp1s0', '52:54:00:00:00:AA=52:54:00:00:00:07'], wanted, found)]).toEqual([
    ['ens3', 'enp1s0'],
    ['twin', 'enp12s0'],
  ]);
  expect([...linksNamed(['uplink'], wanted)]).toEqual(['uplink']);
});

test.each([
  [['ens3'], 'not OLD=NEW: ens3'],
  [['ens9=enp1s0'], 'the capture has no link ens9'],
  [['ens3=enp1s1'], 'the machine to set up has no link enp1s1'],
  [['ens3=enp1s0', 'uplink=enp1s0'], 'enp1s0 cannot take the place of two'],
  [['ens3=enp1s0', 'ens3=enp12s0'], 'two cannot take the place of ens3'],
])('%j is refused: %s', (rules, message) => {
  expect(() => linkPairs(rules, wanted, found)).toThrow(message);
});

test('what is like it is named', () => {
  expect(() => linksNamed(['uplimk'], wanted)).toThrow(
    expect.objectContaining({ code: 'usage', hint: expect.stringContaining('Did you mean uplink?') }),
  );
});
