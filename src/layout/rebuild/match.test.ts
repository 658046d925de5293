import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, type Disk, matchDisks } from './match.ts';

const gib = 2 ** 30;

function disk(id: string, fields: Partial<Disk> = {}): Disk {
  return {
    kind: 'disk',
    id,
    on: [],
    device: '/dev/sda',
    sizeBytes: 100 * gib,
    rotational: false,
    removable: false,
    readOnly: false,
    ...fields,
  };
}

const blank = (one: Disk): Candidate => ({ disk: one, blank: true });
const pairs = (...args: Parameters<typeof matchDisks>) =>
  matchDisks(...args).matches.map(({ from, to, certainty }) => [from, to, certainty]);

describe('which disk takes the place of which', () => {
  test('the very same disk, wherever it is plugged in now, also one with data on it', () => {
    const wanted = [disk('disk:A', { serial: 'A', busPath: 'one' }), disk('disk:B', { serial: 'B', busPath: 'two' })];
    const there = [
      { disk: disk('disk:B', { serial: 'B', busPath: 'one' }), blank: false },
      { disk: disk('disk:A', { serial: 'A', busPath: 'two' }), blank: false },
    ];
    expect(pairs(wanted, there)).toEqual([
      ['disk:A', 'disk:A', 'same'],
      ['disk:B', 'disk:B', 'same'],
    ]);
  });

  test('two disks with one serial number are not the same as one with it', () => {
    const there = [disk('disk:X@1', { serial: 'X' }), disk('disk:X@2', { serial: 'X' })].map((one) => ({
      disk: one,
      blank: false,
    }));
    expect(matchDisks([disk('disk:X', { serial: 'X' })], there)).toEqual({ matches: [], unmatched: ['disk:X'] });
  });

  test('a WWN that differs tells more than a serial number that is the same', () => {
    const there = [blank(disk('disk:n', { serial: 'S', wwn: 'w2', sizeBytes: 200 * gib }))];
    expect(pairs([disk('disk:o', { serial: 'S', wwn: 'w1' })], there)).toEqual([['disk:o', 'disk:n', 'only']]);
  });

  test('a pair of equal disks for a pair: no reason to ask', () => {
    const wanted = [disk('disk:A', { serial: 'A' }), disk('disk:B', { serial: 'B' })];
    const there = [blank(disk('disk:C', { serial: 'C' })), blank(disk('disk:D', { serial: 'D' }))];
    expect(pairs(wanted, there)).toEqual([
      ['disk:A', 'disk:C', 'equivalent'],
      ['disk:B', 'disk:D', 'equivalent'],
    ]);
  });

  test('a pair and a third, each with a disk of its size: no reason to ask either', () => {
    const wanted = [disk('disk:A'), disk('disk:B'), disk('disk:D', { sizeBytes: 200 * gib })];
    const there = [
      disk('disk:1', { sizeBytes: 200 * gib }),
      ...['disk:2', 'disk:3', 'disk:4'].map((id) => disk(id)),
    ].map(blank);
    expect(pairs(wanted, there)).toEqual([
      ['disk:A', 'disk:2', 'equivalent'],
      ['disk:B', 'disk:3', 'equivalent'],
      ['disk:D', 'disk:1', 'only'],
    ]);
    // With one too few of a size it is a question who takes the larger one.
    const tooFew = pairs(wanted, there.slice(0, 2)).map(([, , certainty]) => certainty);
    expect(new Set(tooFew)).toEqual(new Set(['likely']));
  });

  test('one that is no smaller is taken before one that is, and the nearest in size of those', () => {
    const fits = () => true;
    const there = [50, 400, 150].map((size) => blank(disk(`disk:${size}`, { sizeBytes: size * gib })));
    expect(matchDisks([disk('disk:A')], there, { fits }).matches[0]?.to).toBe('disk:150');
  });

  test('a disk on which something stays is its own, whatever is said of others', () => {
    const [a, b] = [disk('disk:A', { serial: 'A' }), disk('disk:B', { serial: 'B' })];
    const there = [{ disk: a, blank: false }, blank(b)];
    const named = new Map([['disk:B', 'disk:A']]);
    expect(pairs([a, b], there, { named, stays: new Set(['disk:A']) })).toEqual([
      ['disk:A', 'disk:A', 'same'],
      ['disk:B', 'disk:B', 'same'],
    ]);
  });

  test('of two blank disks of different size it is a question which', () => {
    const there = [blank(disk('disk:C', { sizeBytes: 200 * gib })), blank(disk('disk:D', { sizeBytes: 300 * gib }))];
    expect(pairs([disk('disk:A')], there)).toEqual([['disk:A', 'disk:C', 'likely']]);
  });

  test('the size that is the same, then the place, then the model', () => {
    const wanted = [disk('disk:A', { sizeBytes: 100 * gib }), disk('disk:B', { sizeBytes: 50 * gib, busPath: 'two' })];
    const there = [
      blank(disk('disk:C', { sizeBytes: 200 * gib, busPath: 'two' })),
      blank(disk('disk:D', { sizeBytes: 100 * gib })),
    ];
    expect(pairs(wanted, there)).toEqual([
      ['disk:A', 'disk:D', 'likely'],
      ['disk:B', 'disk:C', 'likely'],
    ]);
  });

  test('one of which another size is left over is the only one, and nobody has said that it is meant', () => {
    const there = [blank(disk('disk:C', { sizeBytes: 200 * gib }))];
    expect(pairs([disk('disk:A')], there)).toEqual([['disk:A', 'disk:C', 'only']]);
  });

  test('what hardly fits is taken last, and never as if it were sure', () => {
    const small = blank(disk('disk:small', { sizeBytes: gib, busPath: 'one' }));
    const wanted = [disk('disk:A', { busPath: 'one' })];
    expect(pairs(wanted, [small, blank(disk('disk:B', { sizeBytes: 300 * gib }))])).toEqual([
      ['disk:A', 'disk:B', 'only'],
    ]);
    expect(pairs(wanted, [small])).toEqual([['disk:A', 'disk:small', 'likely']]);
  });

  test('what holds data or is in use is left alone, though it is the last; a person may name it', () => {
    const there: Candidate[] = [
      { disk: disk('disk:data'), blank: false },
      { disk: disk('disk:used'), blank: true, barred: 'mounted' },
    ];
    expect(matchDisks([disk('disk:A')], there)).toEqual({ matches: [], unmatched: ['disk:A'] });
    expect(pairs([disk('disk:A')], there, { named: new Map([['disk:A', 'disk:data']]) })).toEqual([
      ['disk:A', 'disk:data', 'named'],
    ]);
  });

  test('always: no disk twice, none that is barred or in use but by name, and the same in any order', () => {
    const size = fc.constantFrom(100 * gib, 200 * gib, 300 * gib);
    const some = (prefix: string) =>
      fc
        .array(
          fc.record({ sizeBytes: size, model: fc.constantFrom('x', 'y'), busPath: fc.constantFrom('1', '2', '3') }),
          {
            maxLength: 6,
          },
        )
        .map((list) => list.map((fields, index) => disk(`${prefix}${index}`, fields)));
    fc.assert(
      fc.property(some('w'), some('c'), fc.infiniteStream(fc.boolean()), (wanted, disks, random) => {
        const there = disks.map((one) => ({ disk: one, blank: random.next().value === true }));
        const result = matchDisks(wanted, there);
        const taken = result.matches.map(({ to }) => to);
        expect(new Set(taken).size).toBe(taken.length);
        expect(taken.every((id) => there.find((one) => one.disk.id === id)?.blank)).toBe(true);
        expect([...result.unmatched, ...result.matches.map(({ from }) => from)].sort()).toEqual(
          wanted.map(({ id }) => id).sort(),
        );
        const other = matchDisks(wanted.toReversed(), there.toReversed());
        expect(other.matches.toReversed()).toEqual(result.matches);
      }),
    );
  });
});
