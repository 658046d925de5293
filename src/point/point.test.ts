import { expect, test } from 'vitest';
import { madeRecovered, madeVerification } from '../../test/helpers/points.ts';
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

test('a point that was recovered is trusted as far as it gets, until something worse is found', () => {
  const verified = (at: number, result: 'passed' | 'damaged') => madeVerification('p', { at: ago(-at), result });
  const drill = madeRecovered('p', { at: ago(-5) });
  expect(trustOf(verified(1, 'passed'), [], drill)).toBe('recovered');
  // It read all of what the point builds upon too, whatever was found or not found before.
  expect(trustOf(undefined, [undefined], drill)).toBe('recovered');
  expect(trustOf(verified(1, 'damaged'), [verified(2, 'damaged')], drill)).toBe('recovered');
  expect(trustOf(verified(6, 'damaged'), [], drill)).toBe('damaged');
  expect(trustOf(verified(1, 'passed'), [verified(6, 'damaged')], drill)).toBe('damaged');
  // One that failed, or that was none of the whole, proves nothing beyond what was read.
  expect(trustOf(verified(1, 'passed'), [], { ...drill, result: 'failed' })).toBe('read-back');
  expect(trustOf(verified(1, 'passed'), [], { ...drill, result: 'sampled' })).toBe('read-back');
  expect(trustOf(verified(1, 'passed'), [], { ...drill, what: 'files' })).toBe('read-back');
  const part = { entries: 9, files: 7, bytes: 5000, wrong: 0, graph: 0, boot: 0, mounts: 0, leftOut: 4 };
  expect(trustOf(verified(1, 'passed'), [], { ...drill, proof: part })).toBe('read-back');
  expect(trustOf(undefined, [], { ...drill, result: 'failed' })).toBe('stored');
});
