import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import type { Entry } from '../entry.ts';
import { compareWith } from './compare.ts';
import { changeOf } from './comparison.ts';

function entry(path: string, type: Entry['type'] = 'file', more: Partial<Entry> = {}): Entry {
  return {
    path,
    type,
    mode: 0o644,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    mtimeNs: '0',
    size: 0,
    ...more,
  };
}

async function* list(entries: readonly Entry[]): AsyncIterable<Entry> {
  yield* entries;
}

const everything = { has: () => true, chose: () => true };

test('what is below a symlink is left out and counted, the rest is restored', async ({ signal }) => {
  await using at = await temporaryDirectory();
  const options = { directory: at.path, root: false, onProgress: () => undefined };
  const entries = [
    entry('d', 'symlink', { link: '/x' }),
    entry('d/a'),
    entry('d/b', 'directory'),
    entry('d/b/c'),
    entry('l', 'hardlink', { link: 'd/a' }),
    entry('z'),
  ];
  const comparison = await compareWith(list(entries), everything, options, signal);
  expect(comparison.created).toBe(2);
  expect(entries.filter(({ path }) => changeOf(comparison, path)).map(({ path }) => path)).toEqual(['d', 'z']);
  expect(comparison.blocked).toMatchObject([
    { subject: '/d', problem: expect.stringContaining(': 4 entries not restored') },
  ]);
});
