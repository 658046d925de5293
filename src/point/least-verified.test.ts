import { expect, test } from 'vitest';
import { madeData, madeDescription, madeVerification } from '../../test/helpers/points.ts';
import { leastVerified } from './least-verified.ts';
import type { ListedPoint } from './records.ts';

const DAY = 86_400_000;
const now = Date.parse('2026-11-20T12:00:00Z');

function listed(id: string, verifiedDaysAgo?: number): ListedPoint {
  const { layout: _l, network: _n, facts: _f, coverage: _c, ...head } = madeDescription(id);
  const at = new Date(now - (verifiedDaysAgo ?? 0) * DAY).toISOString();
  return {
    point: { format: 'lifeboat.point/2', ...head, data: madeData, captures: { key: '', size: 0, sha256: '' } },
    key: id,
    arrivedMs: Number(id.slice(1)),
    trust: 'stored',
    ...(verifiedDaysAgo === undefined ? {} : { verification: madeVerification(id, { at }) }),
  };
}

const points = [listed('p1', 3), listed('p2'), listed('p3', 40), listed('p4', 1), listed('p5'), listed('p6', -400)];

test.each([
  ['all, those without first, then the oldest', {}, ['p2', 'p5', 'p3', 'p1', 'p4', 'p6']],
  ['so many of them', { oldest: 3 }, ['p2', 'p5', 'p3']],
  ['more than there are', { oldest: 100 }, ['p2', 'p5', 'p3', 'p1', 'p4', 'p6']],
  // What claims to be verified in the future is none to go by.
  ['those that are due', { olderThanMs: 2 * DAY }, ['p2', 'p5', 'p3', 'p1', 'p6']],
  ['some of those that are due', { olderThanMs: 2 * DAY, oldest: 1 }, ['p2']],
])('%s', (_what, limits, expected) => {
  expect(leastVerified(points, limits, now).map(({ point }) => point.id)).toEqual(expected);
});
