import { expect, test } from 'vitest';
import { baseFor } from './base.ts';

/** `'a b:a c:b'`: points with what they build upon, oldest first. */
function pointsOf(text: string) {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [id = '', base] = word.split(':');
      return { id, data: base === undefined ? {} : { base } };
    });
}

test.each([
  ['nothing to build upon', '', 3, undefined],
  ['after a full point', 'a', 3, 'a'],
  ['every point a full one', 'a', 1, undefined],
  ['a chain that is not long enough', 'a b:a', 3, 'b'],
  ['a chain that is', 'a b:a c:b', 3, undefined],
  ['points that all refer to the full one only', 'a b:a c:a', 3, undefined],
  ['a full point starts anew', 'a b:a c:b d', 3, 'd'],
  ['a chain whose beginning is not known', 'b:a c:b', 3, 'c'],
  ['one in between that is not trusted counts', 'a x:a b:a', 3, undefined],
  ['the newest is not trusted', 'a b:a x:b', 4, 'b'],
])('%s', (_title, text, fullEvery, expected) => {
  const trusted = ({ id }: { readonly id: string }): boolean => id !== 'x';
  expect(baseFor(pointsOf(text), { incremental: true, fullEvery }, trusted)?.id).toBe(expected);
});

test('without incremental points there is no base', () => {
  expect(baseFor(pointsOf('a'), { incremental: false, fullEvery: 7 }, () => true)).toBeUndefined();
});
