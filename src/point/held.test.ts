import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import type { Component } from '../layout/types.ts';
import { coverage } from './coverage.ts';
import { heldBy } from './held.ts';

const filesystem = (id: string): Component => ({ kind: 'ext', id, on: [], type: 'ext4', sizeBytes: 9 });

test('what came later, what another filesystem is mounted at, and what the point did not read, is not held', () => {
  const selection = { include: ['/', '/srv', '/new'], exclude: [] };
  const then = layoutOf(
    filesystem('root'),
    filesystem('old'),
    mount('/', { on: ['root'] }),
    mount('/srv', { on: ['old'] }),
  );
  const now = layoutOf(
    filesystem('root'),
    filesystem('other'),
    filesystem('third'),
    mount('/', { on: ['root'] }),
    mount('/srv', { on: ['other'] }),
    mount('/new', { on: ['third'] }),
  );
  const point = { id: 'P', layout: then, coverage: coverage(then, selection) };
  const held = heldBy(point, coverage(now, selection), now);
  expect(held.map(({ id, state, point: by }) => [id, state, by])).toEqual([
    ['root', 'covered', 'P'],
    ['other', 'not-covered', undefined],
    ['third', 'not-covered', undefined],
    ['mount:/', 'covered', 'P'],
    ['mount:/srv', 'not-covered', undefined],
    ['mount:/new', 'not-covered', undefined],
  ]);
  expect(held[4]?.reason).toMatch(/^something else was mounted there/);
  expect(held[5]?.reason).toMatch(/^it came after the point P/);
});
