import * as fc from 'fast-check';
import { assert, describe, expect, test } from 'vitest';
import { type Candidate, decide, type RuleName, ruleNames, type Rules } from './retention.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const now = Date.parse('2026-11-20T12:00:00Z');

function candidate(id: string, arrived: string | number, more: Partial<Candidate> = {}): Candidate {
  const arrivedMs = typeof arrived === 'number' ? arrived : Date.parse(arrived);
  return { id, arrivedMs, createdMs: arrivedMs - 60_000, trust: 'read-back', references: [], ...more };
}

/** Every night at two, the newest last. */
function nights(count: number): Candidate[] {
  return Array.from({ length: count }, (_, index) => {
    const arrived = Date.parse('2026-11-20T02:00:00Z') - (count - 1 - index) * DAY;
    return candidate(new Date(arrived).toISOString().slice(0, 10), arrived);
  });
}

const kept = (points: readonly Candidate[], rules: Partial<Rules>, at = now) =>
  decide(points, { minimum: 1, ...rules }, at)
    .filter(({ keep }) => keep)
    .map(({ id }) => id);

const why = (points: readonly Candidate[], rules: Partial<Rules>, id: string) =>
  decide(points, { minimum: 1, ...rules }, now).find((one) => one.id === id)?.why;

describe('rules', () => {
  const cases: readonly [Partial<Record<RuleName, number>>, readonly string[]][] = [
    [{ last: 2 }, ['2026-11-19', '2026-11-20']],
    [{ daily: 3 }, ['2026-11-18', '2026-11-19', '2026-11-20']],
    // 20 November 2026 is a Friday; weeks begin on Monday.
    [{ weekly: 3 }, ['2026-11-08', '2026-11-15', '2026-11-20']],
    [{ monthly: 3 }, ['2026-09-30', '2026-10-31', '2026-11-20']],
    [{ yearly: 3 }, ['2025-12-31', '2026-11-20']],
    [{ last: 1, monthly: 2 }, ['2026-10-31', '2026-11-20']],
  ];
  test.each(cases)('%o', (rules, ids) => {
    expect(kept(nights(400), rules)).toEqual(ids);
  });

  test('hours', () => {
    const points = Array.from({ length: 10 }, (_, index) => candidate(`p${index}`, now - (10 - index) * 20 * 60_000));
    expect(kept(points, { hourly: 2 })).toEqual(['p6', 'p9']);
  });

  test('each point says why', () => {
    expect(why(nights(40), { last: 1, daily: 2, weekly: 1 }, '2026-11-20')).toEqual([
      'last',
      'daily: 2026-11-20',
      'weekly: week of 2026-11-16',
      'the newest',
      'the newest verified',
    ]);
    expect(why(nights(40), { last: 1 }, '2026-11-10')).toEqual(['no rule keeps it']);
  });

  test('days without points do not count', () => {
    const points = nights(400).filter((_, index) => index % 30 === 0);
    expect(kept(points, { daily: 7 })).toHaveLength(7);
  });
});

describe('what was verified', () => {
  test('counts before what was not, and that before what is damaged', () => {
    const points = [
      candidate('verified', '2026-11-19T02:00:00Z'),
      candidate('stored', '2026-11-19T03:00:00Z', { trust: 'stored' }),
      candidate('damaged', '2026-11-19T04:00:00Z', { trust: 'damaged' }),
      candidate('today', '2026-11-20T02:00:00Z'),
    ];
    expect(kept(points, { daily: 2 })).toEqual(['verified', 'today']);
    expect(why(points, { daily: 2 }, 'damaged')).toEqual(['damaged, and not needed']);
  });

  test('the newest is kept though it is not verified, and so is the newest verified', () => {
    const points = nights(10).map((point, index) => (index > 6 ? { ...point, trust: 'stored' as const } : point));
    expect(kept(points, { last: 1 })).toEqual(['2026-11-17', '2026-11-20']);
  });

  test('damaged points take the place of no other', () => {
    const points = nights(10).map((point, index) => (index > 4 ? { ...point, trust: 'damaged' as const } : point));
    // Their days have no other point, so they stay, and the rule goes on to days with sound ones.
    expect(kept(points, { daily: 2 })).toEqual(points.slice(3).map(({ id }) => id));
    expect(kept(points, { yearly: 1 })).toEqual(['2026-11-15']);
  });

  test('the minimum is of verified points; where there are too few, of any that are sound', () => {
    const points = nights(10).map((point, index) => (index % 2 ? { ...point, trust: 'stored' as const } : point));
    expect(kept(points, { last: 1, minimum: 3 })).toEqual(['2026-11-15', '2026-11-17', '2026-11-19', '2026-11-20']);
    const stored = nights(10).map((point) => ({ ...point, trust: 'stored' as const }));
    expect(kept(stored, { last: 1, minimum: 3 })).toEqual(['2026-11-18', '2026-11-19', '2026-11-20']);
  });
});

describe('pins and dates', () => {
  test('a pinned point is kept, and takes the place of no other', () => {
    const points = nights(10).map((point) => (point.id === '2026-11-19' ? { ...point, pinned: 'audit' } : point));
    expect(kept(points, { last: 2 })).toEqual(['2026-11-18', '2026-11-19', '2026-11-20']);
    expect(why(points, { last: 2 }, '2026-11-19')).toEqual(['pinned: audit']);
  });

  test('a point from the future pushes nothing out', () => {
    const points = [...nights(10), candidate('future', '2027-11-20T02:00:00Z')];
    expect(kept(points, { last: 2 })).toEqual(['2026-11-19', '2026-11-20', 'future']);
    expect(why(points, { last: 2 }, 'future')).toEqual(['it arrived in the future, 2027-11-20T02:00:00.000Z']);
  });

  test('a host that dates its points a year off pushes nothing out and loses none', () => {
    for (const off of [-365 * DAY, 365 * DAY]) {
      const arrived = now - HOUR;
      const points = [...nights(5), candidate('odd', arrived, { createdMs: arrived + off })];
      expect(kept(points, { last: 2 })).toEqual(['2026-11-19', '2026-11-20', 'odd']);
    }
  });

  test('a backup of a week is nothing odd', () => {
    const points = [...nights(5), candidate('long', now - HOUR, { createdMs: now - 7 * DAY })];
    expect(kept(points, { last: 1 })).toEqual(['long']);
  });

  test.each([-365, 365])('with the clock %i days off, nothing is forgotten that was kept', (days) => {
    const rules = { daily: 7, weekly: 4, monthly: 6 };
    const points = nights(300);
    const right = kept(points, rules);
    expect(kept(points, rules, now + days * DAY)).toEqual(expect.arrayContaining(right));
  });

  test('what was stored while the clocks of host and target were a year back is known by its base', () => {
    const points = [
      ...nights(5),
      candidate('back', '2025-11-20T02:00:00Z', { references: ['2026-11-19', 'not on record'] }),
    ];
    expect(why(points, { last: 1 }, 'back')).toEqual(['it arrived before its base 2026-11-19']);
  });
});

test('what a kept point builds upon is kept, however long the chain', () => {
  const points = nights(10).map((point, index, all) => ({
    ...point,
    references: index ? [all[index - 1]?.id ?? ''] : [],
  }));
  const decisions = decide(points, { last: 1, minimum: 1 }, now);
  expect(decisions.every(({ keep }) => keep)).toBe(true);
  expect(decisions[0]?.why).toEqual(['base of 2026-11-12']);
});

describe('always', () => {
  const rules = fc.record(
    {
      minimum: fc.integer({ min: 1, max: 4 }),
      ...Object.fromEntries(ruleNames.map((n) => [n, fc.integer({ min: 1, max: 5 })])),
    },
    { requiredKeys: ['minimum'] },
  );
  const anyPoints = fc
    .array(
      fc.record({
        ago: fc.integer({ min: -800 * 24, max: 800 * 24 }),
        trust: fc.constantFrom('stored' as const, 'read-back' as const, 'damaged' as const),
        off: fc.oneof(
          { weight: 8, arbitrary: fc.constant(0) },
          { weight: 1, arbitrary: fc.integer({ min: -400, max: 400 }) },
        ),
        pinned: fc.oneof(
          { weight: 9, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: fc.constant('why') },
        ),
        base: fc.option(fc.nat(30), { nil: undefined }),
      }),
      { maxLength: 60 },
    )
    .map((made) =>
      made.map(({ ago, trust, off, pinned, base }, index): Candidate => {
        const arrivedMs = now - ago * HOUR;
        return {
          id: `p${String(index).padStart(2, '0')}`,
          arrivedMs,
          createdMs: arrivedMs + off * DAY,
          trust,
          references: base === undefined || base >= index ? [] : [`p${String(base).padStart(2, '0')}`],
          ...(pinned === undefined ? {} : { pinned }),
        };
      }),
    );

  test('each point is decided once with a reason; a kept one has its base; the minimum of verified ones remains', () => {
    fc.assert(
      fc.property(anyPoints, rules, (points, given) => {
        const decisions = decide(points, given, now);
        expect(decisions.map(({ id }) => id).sort()).toEqual(points.map(({ id }) => id).sort());
        expect(decisions.every(({ why: reasons }) => reasons.length > 0)).toBe(true);
        const keep = new Set(decisions.filter((one) => one.keep).map(({ id }) => id));
        for (const { id, references } of points)
          if (keep.has(id)) for (const base of references) expect(keep.has(base)).toBe(true);
        for (const { id, pinned } of points) if (pinned !== undefined) expect(keep.has(id)).toBe(true);
        const verified = points.filter(({ trust }) => trust === 'read-back');
        const remaining = verified.filter(({ id }) => keep.has(id)).length;
        expect(remaining).toBeGreaterThanOrEqual(Math.min(given.minimum, verified.length));
      }),
    );
  });

  test('forgetting what was decided, and deciding again, forgets nothing more', () => {
    fc.assert(
      fc.property(anyPoints, rules, (points, given) => {
        const keep = new Set(kept(points, given));
        const left = points.filter(({ id }) => keep.has(id));
        expect(kept(left, given).length).toBe(left.length);
      }),
    );
  });

  test('a point from the future, or of odd dates, changes nothing for the others', () => {
    fc.assert(
      fc.property(anyPoints, rules, fc.boolean(), (points, given, future) => {
        const odd = future
          ? candidate('odd', now + 400 * DAY)
          : candidate('odd', now - DAY, { createdMs: now + 400 * DAY });
        const before = kept(points, given);
        expect(kept([...points, odd], given).filter((id) => id !== 'odd')).toEqual(before);
      }),
    );
  });

  test('whatever the clock says, the newest that is sound and of a right date is kept', () => {
    fc.assert(
      fc.property(anyPoints, rules, fc.integer({ min: -400, max: 400 }), (points, given, days) => {
        const sound = points.filter(({ trust }) => trust !== 'damaged');
        const newest = sound.toSorted((a, b) => a.arrivedMs - b.arrivedMs || (a.id < b.id ? -1 : 1)).at(-1);
        if (newest === undefined) return;
        const found = decide(points, given, now + days * DAY).find(({ id }) => id === newest.id);
        assert(found);
        expect(found.keep).toBe(true);
      }),
    );
  });
});

test('what a clock made that was a year back is kept: each point names the newest one of its time', () => {
  const back = (id: string, hours: number, more: Partial<Candidate>) =>
    candidate(id, Date.parse('2025-11-21T00:00:00Z') + hours * HOUR, more);
  const points = [
    ...nights(37),
    back('back1', 1, { after: '2026-11-20' }),
    back('back2', 2, { references: ['back1'], after: '2026-11-20' }),
    candidate('today', now, { after: '2026-11-20' }),
  ];
  expect(kept(points, { daily: 14 })).toHaveLength(2 + 14);
  expect(kept(points, { daily: 14 })).toEqual(expect.arrayContaining(['back1', 'back2']));
  expect(why(points, { daily: 14 }, 'back1')).toEqual([
    'it was made after 2026-11-20, and arrived before it',
    'base of back2',
  ]);
});
