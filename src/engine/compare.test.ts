import { expect, test } from 'vitest';
import { compareTrees, manifestChanges } from './compare.ts';
import type { Entry } from './entry.ts';

const entry = (path: string, more: Partial<Entry> = {}): Entry => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: '1',
  size: 1,
  sha256: 'aa',
  ...more,
});

test('changes between two points, whatever the order', async () => {
  const before = [entry('a'), entry('b'), entry('c'), entry('d')];
  const after = [entry('e'), entry('d', { mode: 0o600 }), entry('b'), entry('a', { sha256: 'bb' })];
  expect(await manifestChanges(before, after)).toEqual({ added: ['/e'], removed: ['/c'], changed: ['/a', '/d'] });
});

test('equal trees have no differences; others are told by path', async () => {
  const one = [entry('a'), entry('b', { xattrs: { 'user.x': 'AA==' } })];
  expect(await compareTrees(one, [...one].reverse())).toEqual([]);
  expect(await compareTrees(one, [entry('b'), entry('c')])).toEqual([
    { subject: '/b', problem: 'attribute user.x is absent, expected AA==' },
    { subject: '/a', problem: 'is missing' },
    { subject: '/c', problem: 'should not be there' },
  ]);
});
