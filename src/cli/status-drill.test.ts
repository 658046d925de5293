import { expect, test } from 'vitest';
import { madeRecovered } from '../../test/helpers/points.ts';
import type { LastRecoveries, Series } from '../point/recoveries.ts';
import { statusSchema } from '../notify/status.ts';
import { configSchema } from '../config/schema.ts';
import { present } from '../kernel/present.ts';
import { drillRows, judgeDrills } from './status-drill.ts';

const now = Date.parse('2026-11-22T12:00:00Z');
const point = '20261118T020000Z-aaaaaa';
const passed = madeRecovered(point, { at: '2026-11-20T12:00:00.000Z' });
const failed = madeRecovered(point, { at: '2026-11-21T12:00:00.000Z', result: 'failed', problem: 'no login came' });
const config = { drill: { every: '7d', checks: [], mayFail: [] }, rto: '15m' };
const never = { recoveries: {}, drills: {}, files: {} };
const drills = (series: Series, more: Partial<LastRecoveries> = {}): LastRecoveries => ({
  ...never,
  drills: series,
  ...more,
});
const both = drills({ last: passed, passed });
const files = { ...passed, what: 'files' } as const;

const problems = (...given: Parameters<typeof judgeDrills>) =>
  judgeDrills(...given).findings.map(({ subject, problem }) => `${subject}: ${problem}`);

test('a drill that passed, young and quick enough, is green', () => {
  const { findings, status } = judgeDrills(both, config, now);
  expect(findings).toEqual([]);
  expect(status).toMatchObject({
    lastDrill: { point, result: 'passed', ageSeconds: 2 * 86_400, rtoSeconds: 252, rpoSeconds: 7200 },
    drill: { targetSeconds: 604_800, met: true },
    rto: { targetSeconds: 900, met: true },
  });
});

test('where nobody asks for drills, that there are none is no finding; one that failed is', () => {
  expect(problems(never, {}, now)).toEqual([]);
  expect(problems(both, {}, now)).toEqual([]);
  expect(problems(drills({ last: failed, passed }), {}, now)).toEqual([
    `drill: the last one, of the point ${point}, failed: no login came`,
  ]);
  expect(problems({ ...never, recoveries: { last: { ...failed, how: 'recover' } } }, {}, now)).toEqual([
    `recovery: the last one, of the point ${point}, failed: no login came`,
  ]);
});

test('what is overdue, slow, or was never measured is a finding', () => {
  expect(problems(never, config, now)).toEqual([
    'drill: none has passed, and the target is 7d',
    'rto: nobody has measured how long a recovery takes, and the target is 15m',
  ]);
  expect(problems(both, config, now + 6 * 86_400_000)).toEqual([
    'drill: the last that passed is 8 d 0 h old, and the target is 7d',
  ]);
  const slow = { ...passed, seconds: 1200 };
  expect(problems(drills({ last: slow, passed: slow }), config, now)).toEqual([
    'rto: the last drill took 20 m 0 s, and the target is 15m',
  ]);
});

test('a drill of the files hides no drill of the machine, and none of them a recovery', () => {
  const good = { ...files, at: '2026-11-22T11:00:00.000Z' };
  const series = drills({ last: failed, passed }, { files: { last: good, passed: good } });
  expect(problems(series, config, now)).toEqual([`drill: the last one, of the point ${point}, failed: no login came`]);
  expect(judgeDrills(series, config, now).status).toMatchObject({
    lastDrill: { result: 'failed', what: 'machine' },
    lastPassedDrill: { at: passed.at },
    lastFilesDrill: { result: 'passed', what: 'files' },
    rto: { met: true },
  });
  // Only files: nothing is known of a machine, unless that is what somebody wants of this host.
  const alone = drills({}, { files: { last: good, passed: good } });
  expect(problems(alone, config, now)).toEqual([
    'drill: none has passed, and the target is 7d',
    'rto: nobody has measured how long a recovery takes, and the target is 15m',
  ]);
  const schedule = configSchema.parse({
    repository: '/r',
    backup: { include: ['/'] },
    schedule: { drill: { cron: '0 4 * * 0', files: true } },
  }).schedule;
  const wanted = { drill: config.drill, ...present({ schedule }) };
  expect(problems(alone, wanted, now)).toEqual([]);
  expect(judgeDrills(alone, wanted, now).status.drill).toEqual({
    targetSeconds: 604_800,
    met: true,
    passedAt: good.at,
  });
  const recovered = { ...failed, how: 'recover', at: '2026-11-22T10:00:00.000Z' } as const;
  expect(problems({ ...both, recoveries: { last: recovered } }, config, now)).toEqual([
    `recovery: the last one, of the point ${point}, failed: no login came`,
  ]);
});

test('what failed is no finding any more where as much was proven since', () => {
  const since = { ...passed, at: '2026-11-22T11:00:00.000Z' };
  const all = {
    recoveries: { last: { ...failed, how: 'recover' } },
    drills: { last: since, passed: since },
    files: { last: { ...failed, what: 'files' } },
  } as const;
  expect(problems(all, config, now)).toEqual([]);
});

test('where nobody can read of drills, nothing is made up', () => {
  const { findings, status } = judgeDrills(undefined, config, now);
  expect(findings).toEqual([]);
  expect(status).toMatchObject({ lastDrill: null, drill: { met: false }, rto: { met: false } });
});

test('what a person sees, and what a program reads', () => {
  const base = statusSchema.parse({
    format: 'lifeboat.status/1',
    host: 'box',
    at: new Date(now).toISOString(),
    repository: 'file:///r',
    green: true,
    recovery: 'proven',
    jobs: [],
    unfinishedRuns: [],
    findings: [],
    ...judgeDrills(drills({ last: failed, passed }), config, now).status,
  });
  const rows = Object.fromEntries(drillRows(base));
  expect(rows['last drill']).toBe(`FAILED, 1 d 0 h ago, of ${point}`);
  expect(rows['last that passed']).toBe(`passed, 2 d 0 h ago, of ${point}, RTO 4 m 12 s`);
  expect(rows['target (RTO)']).toBe('15 m 0 s: met');
  expect(drillRows({ ...base, lastDrill: null, lastPassedDrill: undefined } as never)[0]).toEqual([
    'last drill',
    'never',
  ]);
});
