import { expect, test } from 'vitest';
import { madeVerification } from '../../test/helpers/points.ts';
import { trustOf } from './point.ts';

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

test('how far a point can be trusted: what is found of its bases later is news, also of a chain', () => {
  const passed = (scope: 'own' | 'chain', at: number) => madeVerification('p', { scope, at: ago(-at) });
  const damaged = (at: number) => madeVerification('b', { result: 'damaged', at: ago(-at) });
  expect(trustOf(undefined, [])).toBe('stored');
  expect(trustOf(damaged(1), [])).toBe('damaged');
  expect(trustOf(passed('chain', 2), [undefined])).toBe('read-back');
  expect(trustOf(passed('chain', 2), [damaged(1)])).toBe('read-back');
  expect(trustOf(passed('chain', 2), [passed('chain', 1), damaged(3)])).toBe('damaged');
  expect(trustOf(passed('own', 2), [damaged(1)])).toBe('damaged');
  expect(trustOf(passed('own', 2), [passed('chain', 1), undefined])).toBe('stored');
  expect(trustOf(passed('own', 2), [passed('chain', 3)])).toBe('read-back');
});
