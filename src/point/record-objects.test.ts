import { expect, test } from 'vitest';
import { byArrival } from './record-objects.ts';

const now = Date.parse('2026-11-20T12:00:00Z');
const DAY = 86_400_000;
const at = (id: string, days: number) => ({ key: `lifeboat/web/points/${id}-abcdef.zst`, mtimeMs: now + days * DAY });

test('what a clock that was ahead received is put where it was made', () => {
  const before = at('20261117T120000Z', -3);
  const ahead = at('20261118T120000Z', 363);
  const after = at('20261119T120000Z', -1);
  expect([after, ahead, before].toSorted(byArrival(now))).toEqual([before, ahead, after]);
});

test('a clock that is behind here changes no order', () => {
  const points = [at('20270101T120000Z', 42), at('20270102T120000Z', 43), at('20270103T120000Z', 44)];
  expect(points.toReversed().toSorted(byArrival(now))).toEqual(points);
});

test('what was made by a clock that was wrong stands where it arrived', () => {
  const [one, back, two] = [at('20261117T120000Z', -3), at('20251118T120000Z', -2), at('20261119T120000Z', -1)];
  const ahead = at('20271118T120000Z', -1.5);
  expect([two, ahead, one, back].toSorted(byArrival(now))).toEqual([one, back, ahead, two]);
});

test('of an attestation its own time counts, not that of its point', () => {
  const key = 'lifeboat/web/attestations/20261101T120000Z-abcdef.20261118T120000Z-abcdef.verified.zst';
  const early = { key: key.replace('20261118', '20261110'), mtimeMs: now - 10 * DAY };
  expect([{ key, mtimeMs: now + 300 * DAY }, early].toSorted(byArrival(now))[0]).toBe(early);
});
