import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isId, newId } from './ids.ts';

test('an id tells its time, sorts by it, and two of one second differ', () => {
  const now = new Date('2026-11-20T02:03:04.567Z');
  expect(newId(now)).toMatch(/^20261120T020304Z-[0-9a-f]{6}$/);
  expect(new Set(Array.from({ length: 100 }, () => newId(now))).size).toBe(100);
  const date = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:58Z'), noInvalidDate: true });
  fc.assert(
    fc.property(date, (at) => {
      const id = newId(at);
      expect(isId(id)).toBe(true);
      expect(id < newId(new Date(at.getTime() + 1000))).toBe(true);
    }),
  );
});

test.each(['', '..', '20261120T020304Z-00000g', '20261120T020304Z-000000/..', '20261120T020304Z-000000\n'])(
  '%j is no id',
  (text) => {
    expect(isId(text)).toBe(false);
  },
);
