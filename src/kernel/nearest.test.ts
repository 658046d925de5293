import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['exlude', 'exclude'],
  ['engnie', 'engine'],
  ['Repository', 'repository'],
  ['repo', undefined],
  ['x', undefined],
  ['', undefined],
])('%s → %s', (name, expected) => {
  expect(nearest(name, ['repository', 'engine', 'include', 'exclude'])).toBe(expected);
});
