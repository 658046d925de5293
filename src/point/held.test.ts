import { expect, test } from 'vitest';
import { type Component, type Layout, layoutFormat } from '../layout/types.ts';
import { coverage } from './coverage.ts';
import { heldBy } from './held.ts';

const mount = (path: string, on: string): Component => ({
  kind: 'mount',
  id: `mount:${path}`,
  on: [on],
  path,
  mounted: true,
  source: '/dev/x',
  fstype: 'ext4',
  options: 'rw',
  root: '/',
  category: 'local',
});
const filesystem = (id: string): Component => ({ kind: 'ext', id, on: [], type: 'ext4', sizeBytes: 9 });
const layoutOf = (...components: Component[]): Layout => ({
  format: layoutFormat,
  capturedAt: '2026-11-21T12:00:00.000Z',
  components,
  gaps: [],
});

test('what came later, what another filesystem is mounted at, and what the point did not read, is not held', () => {
  const selection = { include: ['/', '/srv', '/new'], exclude: [] };
  const then = layoutOf(filesystem('root'), filesystem('old'), mount('/', 'root'), mount('/srv', 'old'));
  const now = layoutOf(
    filesystem('root'),
    filesystem('other'),
    filesystem('third'),
    mount('/', 'root'),
    mount('/srv', 'other'),
    mount('/new', 'third'),
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
