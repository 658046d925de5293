import { expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { newsOf } from './aftermath.ts';
import { silenceOf } from './silence.ts';
import { localText } from './list.ts';
import { parsePressure, reasonToWait } from './pause.ts';

const never = new AbortController().signal;
const failure = ['2026-06-10', 'unreachable', 'no answer'];
const quiet = { findings: [], drift: [], failure };
const none = { open: [], told: {} };
const finding = { subject: '/a', problem: 'changed while it was read' };

test('a failure is told once a day, another one at once; a good end after one once', () => {
  const failed = newsOf('backup', 'failed', quiet, none);
  expect(failed).toMatchObject({ event: 'failed', open: ['backup'] });
  expect(newsOf('backup', 'killed', quiet, { open: ['backup'], told: {} })).toMatchObject({ event: 'failed' });
  expect(newsOf('backup', 'done', quiet, { open: ['backup', 'check'], told: {} })).toMatchObject({
    event: 'recovered',
    open: ['check'],
  });
  if (failed === undefined) throw new Error('nothing was told');
  expect(newsOf('backup', 'failed', quiet, failed)).toBeUndefined();
  expect(newsOf('backup', 'failed', { ...quiet, failure: ['2026-06-11', ...failure.slice(1)] }, failed)).toBeDefined();
  expect(newsOf('backup', 'failed', { ...quiet, failure: ['2026-06-10', 'no-space', 'full'] }, failed)).toBeDefined();
  expect(newsOf('backup', 'done', quiet, none)).toBeUndefined();
  expect(newsOf('backup', 'overlapped', quiet, none)).toBeUndefined();
});

test('the same findings are told once, others again, and the same ones again after a failure', () => {
  const seen = { ...quiet, findings: [finding] };
  const first = newsOf('backup', 'incomplete', seen, none);
  expect(first).toMatchObject({ event: 'incomplete', open: ['backup'] });
  if (first === undefined) throw new Error('nothing was told');
  expect(newsOf('backup', 'incomplete', seen, first)).toBeUndefined();
  const other = { ...quiet, findings: [{ ...finding, subject: '/b' }] };
  expect(newsOf('backup', 'incomplete', other, first)).toMatchObject({ event: 'incomplete' });
  const failed = newsOf('backup', 'failed', quiet, first);
  if (failed === undefined) throw new Error('nothing was told');
  expect(newsOf('backup', 'incomplete', seen, failed)).toMatchObject({ event: 'incomplete' });
  expect(newsOf('check', 'difference', { ...quiet, drift: ['sda is gone'] }, first)).toMatchObject({
    event: 'drift',
  });
});

const hour = 3_600_000;
const iso = (ms: number) => new Date(ms).toISOString();
const now = Date.parse('2026-06-10T12:00Z');
const point = (age: number) => ({ at: iso(now - age) });

test.each([
  ['a fresh point', { since: iso(0), ...point(25 * hour) }, undefined],
  ['an old point', { since: iso(0), ...point(27 * hour) }, 'begun'],
  ['told an hour ago', { since: iso(0), ...point(27 * hour), toldAt: iso(now - hour) }, undefined],
  ['told a whole RPO ago', { since: iso(0), ...point(90 * hour), toldAt: iso(now - 27 * hour) }, 'still'],
  ['told in what is now the future', { since: iso(0), ...point(90 * hour), toldAt: iso(now + hour) }, 'still'],
  ['over', { since: iso(0), ...point(hour), toldAt: iso(now - hour) }, 'over'],
  ['no point yet, on the first day', { since: iso(now - hour) }, undefined],
  ['no point after the first day', { since: iso(now - 27 * hour) }, 'begun'],
])('silence: %s', (_name, heard, expected) => {
  expect(silenceOf({ at: undefined, toldAt: undefined, ...heard }, 26 * hour, now)).toBe(expected);
});

/** A machine that has these files. */
function machine(files: Readonly<Record<string, string>>): Host {
  return {
    name: 'machine',
    run: async () => ({
      code: 0,
      stdout: Buffer.from(
        Object.keys(files)
          .filter((path) => path.endsWith('/type'))
          .join('\n'),
      ),
      stderr: '',
    }),
    stream: () => {
      throw new Error('not asked for');
    },
    read: async (path) => {
      const text = files[path];
      if (text === undefined) throw new LifeboatError('not-found', `no ${path}`);
      return Buffer.from(text);
    },
    write: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

const supply = '/sys/class/power_supply';
const laptop = (online: string) => ({
  [`${supply}/BAT0/type`]: 'Battery\n',
  [`${supply}/AC/type`]: 'Mains\n',
  [`${supply}/AC/online`]: online,
  [`${supply}/ucsi/type`]: 'USB\n',
  [`${supply}/ucsi/online`]: '0\n',
});

test.each([
  ['no wish to wait', undefined, laptop('0\n'), undefined],
  ['mains', { onBattery: true, atMost: '4h' }, laptop('1\n'), undefined],
  ['battery', { onBattery: true, atMost: '4h' }, laptop('0\n'), 'it runs on battery'],
  ['battery, and that does not matter', { onBattery: false, atMost: '4h' }, laptop('0\n'), undefined],
  ['a machine without supplies', { onBattery: true, atMost: '4h' }, {}, undefined],
  [
    'a busy disk',
    { onBattery: false, pressure: 40, atMost: '4h' },
    { '/proc/pressure/io': 'some avg10=41.50 avg60=1.0 avg300=0 total=1\nfull avg10=0.00\n' },
    'waited for io',
  ],
  [
    'a disk that is less busy',
    { onBattery: false, pressure: 40, atMost: '4h' },
    { '/proc/pressure/io': 'some avg10=39.00 avg60=99 total=1\n' },
    undefined,
  ],
])('to wait or not: %s', async (_name, pause, files, expected) => {
  const reason = await reasonToWait(pause, machine(files), never);
  if (expected === undefined) expect(reason).toBeUndefined();
  else expect(reason).toContain(expected);
});

test('pressure is that of the last ten seconds in which something waited', () => {
  expect(parsePressure('some avg10=12.34 avg60=0.00 avg300=0.00 total=5\nfull avg10=1.00 avg60=0\n')).toBe(12.34);
  expect(parsePressure('')).toBeUndefined();
});

test('local times say how far their zone is ahead', () => {
  expect(localText(Date.parse('2026-03-29T01:00Z'), 'Europe/Berlin')).toBe('Sun 2026-03-29 03:00 GMT+2');
});
