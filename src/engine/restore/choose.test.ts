import { expect, test } from 'vitest';
import type { Entry } from '../entry.ts';
import { choices } from './choose.ts';

function entries(paths: readonly string[]): () => AsyncIterable<Entry> {
  return async function* () {
    for (const path of paths) yield { path, type: 'file', mode: 0o644, uid: 0, gid: 0, mtimeNs: '0', size: 0 };
  };
}

async function chosen(given: string, paths: readonly string[]): Promise<string[]> {
  const [choice] = await choices([given], entries(paths));
  return paths.filter((path) => choice?.matches(path));
}

const tree = ['etc', 'etc/a', 'etc/a/b.conf', 'etc/a/c', 'etc/b.conf', 'etc/x.conf.d/y', 'var', 'var/b.conf'];

test.for([
  ['/', tree],
  ['/etc/a', ['etc/a', 'etc/a/b.conf', 'etc/a/c']],
  ['/etc/a/', ['etc/a', 'etc/a/b.conf', 'etc/a/c']],
  ['/etc/*.conf', ['etc/b.conf']],
  ['/*/b.conf', ['etc/b.conf', 'var/b.conf']],
  ['/**/b.conf', ['etc/a/b.conf', 'etc/b.conf', 'var/b.conf']],
  ['/etc/**/b.conf', ['etc/a/b.conf', 'etc/b.conf']],
  ['/etc/*.conf*', ['etc/b.conf', 'etc/x.conf.d/y']],
  ['/etc/?', ['etc/a', 'etc/a/b.conf', 'etc/a/c']],
  ['/etc/[!a-w]*', ['etc/x.conf.d/y']],
  ['/etc/[a]/[bc]*', ['etc/a/b.conf', 'etc/a/c']],
  ['/etc/[z-a]', []],
  ['/v?r', ['var', 'var/b.conf']],
  ['/e*', ['etc', 'etc/a', 'etc/a/b.conf', 'etc/a/c', 'etc/b.conf', 'etc/x.conf.d/y']],
  ['/e.c', []],
] as const)('%s', async ([given, expected]) => {
  expect(await chosen(given, tree)).toEqual(expected);
});

test('what exists by that very name is meant, and a backslash quotes', async () => {
  const odd = ['d/a*', 'd/ab', 'd/[x]', 'd/x', 'd/a?c', 'd/\udcff'];
  expect(await chosen('/d/a*', odd)).toEqual(['d/a*']);
  expect(await chosen('/d/[x]', odd)).toEqual(['d/[x]']);
  expect(await chosen('/d/[x]', odd.slice(3))).toEqual(['d/x']);
  expect(await chosen('/d/a\\?c', odd)).toEqual(['d/a?c']);
  expect(await chosen('/d/[\\]\\-x]', odd)).toEqual(['d/x']);
  expect(await chosen('/d/?', odd)).toEqual(['d/x', 'd/\udcff']);
});

test('a path with . or .. is refused', async () => {
  for (const path of ['etc', '/etc/../x', '/./*'])
    await expect(choices([path], entries([]))).rejects.toMatchObject({ code: 'usage' });
});
