import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCron } from './cron.ts';
import { decide, type History, nextRun, startOf, type Timing } from './due.ts';
import { instantsOf, wallOf } from './zone.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const at = (text: string) => Date.parse(text);
const iso = (times: readonly number[]) => times.map((time) => new Date(time).toISOString().slice(0, 16));

function timing(cron: string, zone: string, more: Partial<Timing> = {}): Timing {
  return { cron: openCron(cron, zone), randomDelayMs: 0, catchUp: true, seed: 'box/backup', ...more };
}

/** Every tick in a span, by `next`. */
function ticks(cron: string, zone: string, from: string, to: string): number[] {
  const found: number[] = [];
  const opened = openCron(cron, zone);
  for (let tick = opened.next(at(from)); tick < at(to); tick = opened.next(tick)) found.push(tick);
  return found;
}

test.each([
  // Berlin leaves out 02:00 to 03:00 on 29 March 2026 (01:00Z), and repeats it on 25 October (00:00Z and 01:00Z).
  [
    'an hour that is left out is made up right after it',
    '30 2 * * *',
    '2026-03-28T12:00Z',
    '2026-03-31T00:00Z',
    ['2026-03-29T01:00', '2026-03-30T00:30'],
  ],
  [
    'once, whatever was due in it',
    '0,30 2,3 * * *',
    '2026-03-28T12:00Z',
    '2026-03-29T12:00Z',
    ['2026-03-29T01:00', '2026-03-29T01:30'],
  ],
  [
    'an hour that is repeated counts the first time',
    '30 2 * * *',
    '2026-10-24T12:00Z',
    '2026-10-27T00:00Z',
    ['2026-10-25T00:30', '2026-10-26T01:30'],
  ],
  [
    'every hour goes on by elapsed time',
    '15 * * * *',
    '2026-10-24T23:00Z',
    '2026-10-25T03:00Z',
    ['2026-10-24T23:15', '2026-10-25T00:15', '2026-10-25T01:15', '2026-10-25T02:15'],
  ],
  [
    'and does not stand still in spring',
    '*/30 * * * *',
    '2026-03-29T00:15Z',
    '2026-03-29T02:00Z',
    ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'],
  ],
  [
    'the last of a month',
    '0 3 L * *',
    '2026-01-15T00:00Z',
    '2026-03-15T00:00Z',
    ['2026-01-31T02:00', '2026-02-28T02:00'],
  ],
  [
    'the first Sunday',
    '0 3 * * 0#1',
    '2026-01-01T00:00Z',
    '2026-03-01T00:00Z',
    ['2026-01-04T02:00', '2026-02-01T02:00'],
  ],
  ['a name for it', '@weekly', '2026-01-01T00:00Z', '2026-01-12T00:00Z', ['2026-01-03T23:00', '2026-01-10T23:00']],
])('%s: %s', (_name, cron, from, to, expected) => {
  expect(iso(ticks(cron, 'Europe/Berlin', from, to))).toEqual(expected);
});

test.each([
  [
    'half an hour of Lord Howe',
    'Australia/Lord_Howe',
    '10 2 * * *',
    '2026-10-03T00:00Z',
    '2026-10-05T00:00Z',
    ['2026-10-03T15:30', '2026-10-04T15:10'],
  ],
  [
    'midnight that is left out in Beirut',
    'Asia/Beirut',
    '0 0 * * *',
    '2026-03-27T00:00Z',
    '2026-03-30T00:00Z',
    ['2026-03-27T22:00', '2026-03-28T22:00', '2026-03-29T21:00'],
  ],
  [
    'the day that Samoa left out',
    'Pacific/Apia',
    '0 12 * * *',
    '2011-12-29T00:00Z',
    '2012-01-01T00:00Z',
    ['2011-12-29T22:00', '2011-12-30T10:00', '2011-12-30T22:00', '2011-12-31T22:00'],
  ],
])('%s', (_name, zone, cron, from, to, expected) => {
  expect(iso(ticks(cron, zone, from, to))).toEqual(expected);
});

test('a day of leap years is found', () => {
  expect(iso([openCron('0 2 29 2 *', 'UTC').next(at('2026-01-01T00:00Z'))])).toEqual(['2028-02-29T02:00']);
});

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Asia/Kathmandu',
  'America/Sao_Paulo',
  'Pacific/Apia',
];
const crons = [
  '30 2 * * *',
  '0 0 * * *',
  '*/15 * * * *',
  '10 1,2,3 * * *',
  '0 3 * * 0',
  '59 23 L * *',
  '0 */6 * * 1-5',
];

test('wall times come back, and instants are where the clocks show them', () => {
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: at('2005-01-01'), max: at('2035-01-01') }), (zone, ms) => {
      const instant = Math.floor(ms / minute) * minute;
      expect(instantsOf(wallOf(instant, zone), zone).at).toContain(instant);
    }),
  );
});

test('last and next agree', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...crons),
      fc.integer({ min: at('2005-01-01'), max: at('2035-01-01') }),
      (zone, cron, ms) => {
        const opened = openCron(cron, zone);
        const next = opened.next(ms);
        expect(opened.last(next, ms)).toBe(next);
        expect(opened.last(next - 1, ms)).toBeUndefined();
        expect(opened.next(next)).toBeGreaterThan(next);
      },
    ),
    { numRuns: 60 },
  );
});

/** A machine that is on at these times, its scheduler looking each minute; runs take no time. */
function simulate(schedule: Timing, spans: readonly (readonly [from: number, to: number])[], first: number) {
  let history: History = { handled: first };
  const runs: { tick: number; at: number; late: boolean }[] = [];
  const missed: number[] = [];
  for (const [from, to] of spans) {
    for (let now = from; now <= to; ) {
      const decision = decide(schedule, history, now);
      if (decision.type === 'run') runs.push({ tick: decision.tick, at: now, late: decision.late });
      if (decision.type === 'skip') missed.push(decision.tick);
      if (decision.type === 'reset') history = { handled: decision.handled };
      else if (decision.type === 'wait') now = Math.max(now + minute, Math.min(decision.until, to + 1));
      else history = { handled: decision.tick };
    }
  }
  return { runs, missed };
}

test('each tick runs at most once, in order, and what is missed is made up once when the machine is on again', () => {
  const span = fc.tuple(fc.integer({ min: 1, max: 4 * 24 * 60 }), fc.integer({ min: 1, max: 4 * 24 * 60 }));
  const days = fc.integer({ min: at('2010-01-01') / day, max: at('2030-01-01') / day });
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...crons),
      days,
      fc.array(span, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(0, 10 * minute, 3 * hour),
      (zone, cron, start, pattern, randomDelayMs) => {
        const schedule = timing(cron, zone, { randomDelayMs });
        const spans: (readonly [number, number])[] = [];
        let time = start * day;
        for (const [off, on] of pattern) {
          spans.push([time + off * minute, time + (off + on) * minute]);
          time += (off + on) * minute;
        }
        const { runs } = simulate(schedule, spans, start * day);
        const ran = runs.map(({ tick }) => tick);
        expect(ran).toEqual([...new Set(ran)].sort((a, b) => a - b));
        for (const [from, to] of spans) {
          // What was due when the machine came on is run then; what comes due while it is on, in that minute.
          for (
            let tick = schedule.cron.last(to, start * day);
            tick !== undefined;
            tick = schedule.cron.last(tick - 1, from)
          ) {
            const begin = Math.max(startOf(schedule, tick), from);
            if (begin > to) continue;
            const later = schedule.cron.next(tick);
            // A later one that was due as well when the machine came on stands for it.
            if (startOf(schedule, later) <= begin) continue;
            const run = runs.find((one) => one.tick === tick);
            expect(run, `tick ${new Date(tick).toISOString()}`).toBeDefined();
            expect(run?.at).toBeLessThanOrEqual(begin + minute);
            if (tick <= from) break;
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});

const daily = timing('0 2 * * *', 'UTC');
const now = at('2026-06-10T12:00Z');
const tonight = at('2026-06-11T02:00Z');
const lastNight = at('2026-06-10T02:00Z');

test('of ten nights without power one is made up, and then the next night comes', () => {
  const missed = decide(daily, { handled: lastNight - 10 * day }, now);
  expect(missed).toEqual({ type: 'run', tick: lastNight, late: true, beginnings: 1 });
  expect(decide(daily, { handled: lastNight }, now)).toEqual({ type: 'wait', until: tonight });
});

test('where it is not to be made up, it is skipped and said', () => {
  const strict = { ...daily, catchUp: false };
  expect(decide(strict, { handled: lastNight - day }, now)).toEqual({
    type: 'skip',
    tick: lastNight,
    reason: 'missed',
  });
  expect(decide(strict, { handled: lastNight - day }, lastNight + minute)).toMatchObject({ type: 'run', late: false });
});

test('a run that was killed is begun again, but not for ever', () => {
  const killed = (beginnings: number): History => ({
    handled: lastNight,
    running: { tick: lastNight, startedAt: lastNight, beginnings },
  });
  expect(decide(daily, killed(1), now)).toEqual({ type: 'run', tick: lastNight, late: true, beginnings: 2 });
  expect(decide(daily, killed(3), now)).toEqual({ type: 'skip', tick: lastNight, reason: 'died' });
  expect(decide({ ...daily, catchUp: false }, killed(1), now)).toMatchObject({ type: 'skip' });
  expect(decide(daily, killed(3), tonight)).toEqual({ type: 'run', tick: tonight, late: false, beginnings: 1 });
});

test('a clock that was a year ahead does not stop backups for a year', () => {
  const { runs } = simulate(
    daily,
    [
      [now, now + 2 * day],
      [now + 366 * day, now + 367 * day],
      [now + 2 * day, now + 5 * day],
    ],
    now,
  );
  const real = runs.filter(({ at }) => at < now + 30 * day).map(({ at }) => at);
  expect(iso(real)).toEqual([
    '2026-06-11T02:00',
    '2026-06-12T02:00',
    '2026-06-13T02:00',
    '2026-06-14T02:00',
    '2026-06-15T02:00',
  ]);
});

test('a clock that goes back a year goes on from there; one that is set by minutes repeats nothing', () => {
  const { runs } = simulate(
    daily,
    [
      [now, now + 2 * day],
      [now - 365 * day, now - 363 * day],
    ],
    now,
  );
  expect(iso(runs.map(({ at }) => at))).toEqual([
    '2026-06-11T02:00',
    '2026-06-12T02:00',
    '2025-06-11T02:00',
    '2025-06-12T02:00',
  ]);
  const nudged = simulate(
    daily,
    [
      [now, tonight + 5 * minute],
      [tonight - 30 * minute, tonight + hour],
    ],
    now,
  );
  expect(nudged.runs).toHaveLength(1);
});

test('random delays spread over their span, stay what they are, and never reach the next tick', () => {
  const schedule = { ...daily, randomDelayMs: hour };
  const delays = Array.from({ length: 200 }, (_, n) => startOf(schedule, tonight + n * day) - tonight - n * day);
  expect(Math.min(...delays)).toBeLessThan(10 * minute);
  expect(Math.max(...delays)).toBeGreaterThan(50 * minute);
  expect(Math.max(...delays)).toBeLessThan(hour);
  expect(startOf(schedule, tonight)).toBe(startOf({ ...schedule }, tonight));
  expect(startOf({ ...schedule, seed: 'other/backup' }, tonight)).not.toBe(startOf(schedule, tonight));
  const tight = timing('*/5 * * * *', 'UTC', { randomDelayMs: day });
  for (let tick = now; tick < now + hour; tick += 5 * minute)
    expect(startOf(tight, tick)).toBeLessThan(tick + 5 * minute);
});

test('the next run is said with its delay, also while that is waited for', () => {
  const schedule = { ...daily, randomDelayMs: hour };
  const begin = startOf(schedule, tonight);
  expect(nextRun(schedule, lastNight, now)).toEqual({ tick: tonight, at: begin });
  expect(nextRun(schedule, lastNight, tonight)).toEqual({ tick: tonight, at: begin });
  expect(nextRun(schedule, tonight, tonight).tick).toBe(tonight + day);
});
