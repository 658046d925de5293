import { expect, test } from 'vitest';
import { matcher, patternsWithin } from './patterns.ts';

test.each([
  ['*.iso', '/srv/a.iso', true],
  ['cache', '/home/a/cache', true],
  ['cache', '/home/a/caches', false],
  ['/tmp/*', '/tmp/a/b', true],
  ['/tmp/*', '/var/tmp/a', false],
  ['/a//b/./c/', '/a/b/c', true],
  ['[ab].d', '/x/b.d', true],
  ['[!ab].d', '/x/b.d', false],
  [String.raw`\*`, '/x/*', true],
  [String.raw`\*`, '/x/anything', false],
  [String.raw`/a\[1\]`, '/a[1]', true],
  [String.raw`a\\b`, String.raw`/x/a\b`, true],
  [String.raw`a\b`, String.raw`/x/a\b`, true],
])('%s and %s: %s', (pattern, path, expected) => {
  expect(matcher(pattern)(path)).toBe(expected);
});

test('a pattern of a whole path that leads into what is kept by other characters does not count there', () => {
  const keep = ['/var/lib/containers/storage', '/srv/a[b]'];
  const within = [
    '/var/lib/cont*/storage/overlay-images',
    '/var/*/storage/volumes/db',
    '/srv/a\\[b\\]/data',
    '/srv/a?b?/x',
  ];
  expect(patternsWithin(keep, [...within, '*.log', '/home/*/cache', '/*.tmp'])).toEqual([
    '*.log',
    '/home/*/cache',
    '/*.tmp',
  ]);
});
