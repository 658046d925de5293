import { expect, test } from 'vitest';
import { fit, widthOf, wrap } from './text.ts';

test.each([
  ['short', 100, 'short'],
  ['a name that is too long', 80, 'a name t…'],
  ['💾💾💾💾', 40, '💾💾…'],
  ['xyz', 10, ''],
])('%j in %d pixels is %j', (text, width, shown) => {
  expect(fit(text, width, 'body')).toBe(shown);
});

test('lines are broken at spaces, and the last is cut', () => {
  const lines = wrap('one two three four five six seven eight', 90, 'body', 3);
  expect(lines.slice(0, 2)).toEqual(['one two', 'three four']);
  expect(lines[2]).toMatch(/^five.*…$/);
  for (const line of lines) expect(widthOf(line, 'body')).toBeLessThanOrEqual(90);
});

test('what has no spaces is broken anywhere', () => {
  expect(wrap('x'.repeat(30), 90, 'body', 9).join('')).toBe('x'.repeat(30));
});
