import { expect, test } from 'vitest';
import { passesIn } from './passes.ts';

test('each pass stands on the one before, and the images on the last', () => {
  expect(passesIn('/t', 0)).toEqual({ before: [], last: { images: '/t/checkpoint' } });
  expect(passesIn('/t', 2)).toEqual({
    before: [{ images: '/t/pre-1' }, { images: '/t/pre-2', parent: '../pre-1' }],
    last: { images: '/t/checkpoint', parent: '../pre-2' },
  });
});
