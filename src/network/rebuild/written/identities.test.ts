import { describe, expect, test } from 'vitest';
import type { Link, Network } from '../../types.ts';
import { matchCards } from '../match.ts';
import { identitiesOf, namesThen, udevPath } from './identities.ts';

const card = (name: string, slot: number, more: Partial<Link> = {}): Link => ({
  name,
  index: slot,
  kind: 'ether',
  mtu: 1500,
  state: 'up',
  permanentMac: `52:54:00:00:00:${slot.toString(16).padStart(2, '0')}`,
  busPath: `pci0000:00/0000:00:${slot.toString(16).padStart(2, '0')}.0`,
  addresses: [],
  ...more,
});
const machine = (links: readonly Link[]): Network => ({
  format: 'lifeboat.network/1',
  capturedAt: '2026-11-21T12:00:00.000Z',
  hostname: 'web1',
  links: [...links],
  routes: [],
  dns: { servers: [], search: [] },
  gaps: [],
});
const then = (
  old: readonly Link[],
  now: readonly Link[],
  pinned: readonly string[] = [],
  given: Readonly<Record<string, string>> = {},
) => namesThen(matchCards(old, now).matches, new Set(pinned), machine(now), new Map(Object.entries(given)));

describe('the name that a card has when the host starts', () => {
  test('is the one that it has here', () => {
    expect(then([card('ens3', 3)], [card('enp1s0', 9)])).toEqual({ names: new Map([['ens3', 'enp1s0']]), notes: [] });
  });

  test('is the one that udev gives it, where somebody has given it that of the card before', () => {
    const given = { enp0s13: 'enp0s14' };
    expect(then([card('enp0s13', 13)], [card('enp0s13', 14)], [], given).names).toEqual(
      new Map([['enp0s13', 'enp0s14']]),
    );
  });

  test('is by its address, where it was', () => {
    expect(then([card('enx525400000003', 3)], [card('enp0s20u1', 9)], [], { enp0s20u1: 'enp0s9' }).names).toEqual(
      new Map([['enx525400000003', 'enx525400000009']]),
    );
  });

  test('stays at the same place, whatever another udev would give', () => {
    const given = { ens3: 'enp0s3' };
    expect(then([card('ens3', 3)], [card('ens3', 3)], [], given).names).toEqual(new Map([['ens3', 'ens3']]));
  });

  test('stays, where a file pins it', () => {
    expect(then([card('lan0', 3)], [card('enp1s0', 9)], ['lan0']).names).toEqual(new Map([['lan0', 'lan0']]));
  });

  test('is told to be that of another, where two would have it', () => {
    const { notes } = then([card('enp1s0', 3), card('ens4', 4)], [card('enp9s0', 8), card('enp1s0', 9)], ['enp1s0']);
    expect(notes).toEqual([
      'enp1s0: it would be called enp1s0 then, and so would ens4: pin another name',
      'ens4: it would be called enp1s0 then, and so would enp1s0: pin another name',
    ]);
  });

  test('is one of the kernel, in the order of places, where it was one', () => {
    const { names, notes } = then([card('eth0', 3)], [card('enp1s0', 3), card('enp0s1', 1)]);
    expect(names).toEqual(new Map([['eth0', 'eth1']]));
    expect(notes).toEqual([expect.stringMatching(/^eth0: .*becomes eth1$/)]);
  });

  test('is another name of the card, where the kernel names it here alone', () => {
    const now = card('eth0', 9, { alternativeNames: ['enp0s9', 'ens9'] });
    expect(then([card('ens3', 3)], [now]).names).toEqual(new Map([['ens3', 'ens9']]));
    expect(then([card('ens3', 3)], [card('eth0', 9)]).notes).toEqual([expect.stringContaining('not known')]);
  });
});

test('what changes of cards, and nothing else', () => {
  const old = [card('ens3', 3, { driver: 'virtio_net' }), card('ens4', 4, { driver: 'virtio_net' }), card('ens5', 5)];
  const now = [card('enp9s0', 9, { driver: 'igb' }), card('enp10s0', 10, { driver: 'tg3' }), card('ens5', 5)];
  const { matches } = matchCards(old, now);
  const names = new Map(matches.map(({ from, to }) => [from.name, to.name]));
  expect(identitiesOf(matches, names)).toEqual({
    macs: new Map([
      ['52:54:00:00:00:03', '52:54:00:00:00:09'],
      ['52:54:00:00:00:04', '52:54:00:00:00:0a'],
    ]),
    paths: new Map([
      ['pci-0000:00:03.0', 'pci-0000:00:09.0'],
      ['pci-0000:00:04.0', 'pci-0000:00:0a.0'],
    ]),
    drivers: new Map([['virtio_net', ['igb', 'tg3']]]),
    names: new Map([
      ['ens3', 'enp9s0'],
      ['ens4', 'enp10s0'],
    ]),
  });
});

test('the place of a card, as udev writes it', () => {
  expect(udevPath('pci0000:00/0000:00:1c.0/0000:01:00.0')).toBe('pci-0000:01:00.0');
  expect(udevPath('pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0')).toBeUndefined();
  expect(udevPath(undefined)).toBeUndefined();
});
