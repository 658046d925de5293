import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Link } from '../types.ts';
import { cardsOf } from './cards.ts';
import { matchCards } from './match.ts';

const card = (name: string, more: Partial<Link> = {}): Link => ({
  name,
  index: 1,
  kind: 'ether',
  mtu: 1500,
  state: 'up',
  addresses: [],
  ...more,
});
const mac = (number: number): string => `52:54:00:00:00:${number.toString(16).padStart(2, '0')}`;
const slot = (number: number): string => `pci0000:00/0000:00:${number.toString(16).padStart(2, '0')}.0`;

const pairs = (wanted: readonly Link[], found: readonly Link[], named?: ReadonlyMap<string, string>) =>
  matchCards(wanted, found, named).matches.map(({ from, to, certainty }) => `${from.name} → ${to.name} ${certainty}`);

describe('one after the other', () => {
  test('the same card, wherever it is plugged in and whatever it is called', () => {
    const old = card('ens3', { permanentMac: mac(1), busPath: slot(3), driver: 'igb' });
    const same = card('enp9s0', { permanentMac: mac(1), busPath: slot(9), driver: 'e1000e' });
    const place = card('ens3', { permanentMac: mac(2), busPath: slot(3), driver: 'igb' });
    expect(pairs([old], [place, same])).toEqual(['ens3 → enp9s0 same']);
  });

  test('then the place, then the driver, then the order', () => {
    const old = [
      card('a', { permanentMac: mac(1), busPath: slot(3), driver: 'igb' }),
      card('b', { permanentMac: mac(2), busPath: slot(4), driver: 'e1000e' }),
      card('c', { permanentMac: mac(3), busPath: slot(5), driver: 'virtio_net' }),
      card('d', { permanentMac: mac(4), busPath: slot(6), driver: 'virtio_net' }),
    ];
    const now = [
      card('w', { permanentMac: mac(11), busPath: slot(3), driver: 'virtio_net' }),
      card('x', { permanentMac: mac(12), busPath: slot(10), driver: 'tg3' }),
      card('y', { permanentMac: mac(13), busPath: slot(11), driver: 'tg3' }),
      card('z', { permanentMac: mac(14), busPath: slot(12), driver: 'e1000e' }),
    ];
    expect(pairs(old, now)).toEqual(['a → w likely', 'b → z likely', 'c → x likely', 'd → y likely']);
  });

  test('two ports of one card, and a wireless one that is never taken for another', () => {
    const old = [
      card('p0', { busPath: slot(3) }),
      card('p1', { busPath: slot(3), port: 1 }),
      card('w', { wireless: true }),
    ];
    const now = [card('q1', { busPath: slot(3), port: 1 }), card('q0', { busPath: slot(3) }), card('x')];
    expect(pairs(old, now)).toEqual(['p0 → q0 likely', 'p1 → q1 likely']);
  });

  test('who is named comes first, and nobody else gets that one', () => {
    const old = [card('a', { permanentMac: mac(1) }), card('b', { permanentMac: mac(2) })];
    const now = [card('a', { permanentMac: mac(1) }), card('b', { permanentMac: mac(2) })];
    expect(pairs(old, now, new Map([['b', 'a']]))).toEqual(['a → b likely', 'b → a named']);
  });

  test('two with one MAC: which of them it is nobody can tell', () => {
    const same = { permanentMac: mac(1) };
    const found = matchCards([card('a', same)], [card('x', same), card('y', same)]);
    expect(found.matches).toMatchObject([{ certainty: 'likely' }]);
  });

  test('members of one bond, and as many cards of one kind: whichever is taken', () => {
    const member = { master: 'bond0', membership: { kind: 'bond', queue_id: 0 }, driver: 'igb' } as const;
    const old = [card('a', { ...member, permanentMac: mac(1) }), card('b', { ...member, permanentMac: mac(2) })];
    const now = [card('x', { driver: 'tg3' }), card('y', { driver: 'tg3' })];
    expect(pairs(old, now)).toEqual(['a → x equivalent', 'b → y equivalent']);
    expect(pairs(old, [...now, card('z', { driver: 'tg3' })])).toEqual(['a → x likely', 'b → y likely']);
  });
});

const links = fc
  .array(
    fc.record({
      mac: fc.option(fc.nat(7), { nil: undefined }),
      place: fc.option(fc.nat(5), { nil: undefined }),
      port: fc.nat(1),
      driver: fc.constantFrom('igb', 'e1000e', 'virtio_net', undefined),
      wireless: fc.boolean(),
    }),
    { maxLength: 8 },
  )
  .map((all) =>
    all.map((one, index): Link => {
      const { mac: number, place, driver } = one;
      return card(`eth${index}`, {
        index: index + 1,
        port: one.port,
        ...(number === undefined ? {} : { permanentMac: mac(number) }),
        ...(place === undefined ? {} : { busPath: slot(place) }),
        ...(driver === undefined ? {} : { driver }),
        ...(one.wireless ? { wireless: true } : {}),
      });
    }),
  );

describe('whatever there is', () => {
  test('each card is taken once, by one, and none is left that could have been taken', () => {
    fc.assert(
      fc.property(links, links, (wanted, found) => {
        const { matches, unmatched } = matchCards(wanted, found);
        const [from, to] = [matches.map((one) => one.from), matches.map((one) => one.to)];
        expect(new Set(from).size).toBe(from.length);
        expect(new Set(to).size).toBe(to.length);
        expect(new Set([...from, ...unmatched])).toEqual(new Set(wanted));
        const free = found.filter((one) => !to.includes(one));
        const isFit = (one: Link, other: Link) => (one.wireless ?? false) === (other.wireless ?? false);
        expect(unmatched.filter((one) => free.some((other) => isFit(one, other)))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('the same, in whatever order the links are told; and a machine is matched with itself', () => {
    fc.assert(
      fc.property(links, links, fc.infiniteStream(fc.nat()), (wanted, found, numbers) => {
        const shuffled = <T>(items: readonly T[]): T[] =>
          items
            .map((item) => ({ item, at: numbers.next().value ?? 0 }))
            .toSorted((one, other) => one.at - other.at)
            .map(({ item }) => item);
        const match = (one: readonly Link[], other: readonly Link[]) =>
          pairs(cardsOf({ links: [...one] }), cardsOf({ links: [...other] }));
        expect(match(shuffled(wanted), shuffled(found))).toEqual(match(wanted, found));
        const unique = wanted.filter(
          ({ permanentMac }, index) =>
            permanentMac !== undefined && wanted.findIndex((one) => one.permanentMac === permanentMac) === index,
        );
        expect(match(unique, shuffled(unique))).toEqual(
          cardsOf({ links: unique }).map(({ name }) => `${name} → ${name} same`),
        );
      }),
      { numRuns: 500 },
    );
  });
});
