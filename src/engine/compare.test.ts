import { expect, test } from 'vitest';
import { compareTrees, manifestChanges, pairedBatches } from './compare.ts';
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

test.each([
  ['in one order', ['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c', 'd', 'e']],
  ['in two orders', ['a', 'b', 'c', 'd', 'e'], ['e', 'c', 'a', 'd', 'b']],
  ['with some missing on either side', ['a', 'c', 'd'], ['b', 'c', 'e', 'a']],
  ['with one side empty', [], ['a', 'b']],
])('batches of any length, %s: every path comes once, with its partner', async (_, before, after) => {
  const cut = async function* (paths: readonly string[], length: number) {
    yield [];
    for (let at = 0; at < paths.length; at += length) yield paths.slice(at, at + length).map((path) => entry(path));
  };
  const expected = [...new Set([...before, ...after])]
    .sort()
    .map((path) => [before.includes(path) ? path : undefined, after.includes(path) ? path : undefined]);
  for (const lengths of [
    [1, 1],
    [2, 3],
    [5, 1],
    [1, 5],
    [9, 9],
  ] as const) {
    const pairs = await Array.fromAsync(pairedBatches(cut(before, lengths[0]), cut(after, lengths[1])));
    const found = pairs.flat().map((pair) => [pair.before?.path, pair.after?.path]);
    expect(found.sort((a, b) => ((a[0] ?? a[1] ?? '') < (b[0] ?? b[1] ?? '') ? -1 : 1))).toEqual(expected);
  }
});
