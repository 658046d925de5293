import { expect, test } from 'vitest';
import { madeRecovered } from '../../test/helpers/points.ts';
import { statusSchema } from '../notify/status.ts';
import { drillRows, judgeDrills } from './status-drill.ts';

const now = Date.parse('2026-11-22T12:00:00Z');
const point = '20261118T020000Z-aaaaaa';
const passed = madeRecovered(point, { at: '2026-11-20T12:00:00.000Z' });
const failed = madeRecovered(point, { at: '2026-11-21T12:00:00.000Z', result: 'failed', problem: 'no login came' });
const config = { drill: { every: '7d', checks: [], mayFail: [] }, rto: '15m' };
const both = { last: passed, passed };

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
  expect(problems({}, {}, now)).toEqual([]);
  expect(problems(both, {}, now)).toEqual([]);
  expect(problems({ last: failed, passed }, {}, now)).toEqual([
    `drill: the last one, of the point ${point}, failed: no login came`,
  ]);
  expect(problems({ last: { ...failed, how: 'recover' } }, {}, now)).toEqual([
    `recovery: the last one, of the point ${point}, failed: no login came`,
  ]);
});

test('what is overdue, slow, or was never measured is a finding', () => {
  expect(problems({}, config, now)).toEqual([
    'drill: none has passed, and the target is 7d',
    'rto: nobody has measured how long a recovery takes, and the target is 15m',
  ]);
  expect(problems(both, config, now + 6 * 86_400_000)).toEqual([
    'drill: the last that passed is 8 d 0 h old, and the target is 7d',
  ]);
  const slow = { ...passed, seconds: 1200 };
  expect(problems({ last: slow, passed: slow }, config, now)).toEqual([
    'rto: the last drill took 20 m 0 s, and the target is 15m',
  ]);
  const files = { ...passed, what: 'files' } as const;
  expect(problems({ last: files, passed: files }, config, now)).toEqual([
    'rto: nobody has measured how long a recovery takes, and the target is 15m',
  ]);
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
    ...judgeDrills({ last: failed, passed }, config, now).status,
  });
  const rows = Object.fromEntries(drillRows(base));
  expect(rows['last drill']).toBe(`drill FAILED, 1 d 0 h ago, of ${point}`);
  expect(rows['last that passed']).toBe(`drill passed, 2 d 0 h ago, of ${point}, RTO 4 m 12 s`);
  expect(rows['target (RTO)']).toBe('15 m 0 s: met');
  expect(drillRows({ ...base, lastDrill: null, lastPassedDrill: undefined } as never)[0]).toEqual([
    'last drill',
    'never',
  ]);
});
