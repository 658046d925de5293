import { zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { manifestOf } from './manifest-object.ts';
import { ManifestWriter } from './manifest.ts';

const archive = { key: 'tar/host/point.tar.zst', size: 1, sha256: 'a'.repeat(64) };
const plain = {
  path: 'a',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: '1',
  size: 3,
  sha256: 'b'.repeat(64),
} as const;

function manifest(...lines: readonly string[]) {
  const all = ['{"format":"lifeboat.manifest/2","description":null}', ...lines];
  const end = JSON.stringify({ end: true, entries: lines.length, bytes: 3, archive });
  return manifestOf([zstdCompressSync(`${[...all, end].join('\n')}\n`)]);
}

const entriesOf = (...lines: readonly string[]) => Array.fromAsync(manifest(...lines).entries());

test('what was written is read again, one by one and in batches', async () => {
  const entries = [
    plain,
    { ...plain, path: 'b\udcff', in: 'earlier', ctimeNs: '2', inode: '1:2', flags: 'i' },
    { ...plain, path: 'c', xattrs: { 'user.x': 'AA==' } },
    { path: 'd', type: 'char', mode: 0o600, uid: 1, gid: 2, mtimeNs: '-1', size: 0, device: { major: 1, minor: 3 } },
    ...Array.from({ length: 20_000 }, (_, index) => ({ ...plain, path: `many/${index}` })),
  ] as const;
  const writer = new ManifestWriter({ of: 'a point' });
  for (const entry of entries) writer.add(entry);
  const trailer = { entries: entries.length, bytes: 3, archive };
  const read = manifestOf([await writer.finish(trailer)]);
  expect(await Array.fromAsync(read.entries())).toEqual(entries);
  expect((await Array.fromAsync(read.batches())).flat()).toEqual(entries);
  expect(await read.trailer()).toMatchObject(trailer);
  expect(await read.description()).toEqual({ of: 'a point' });
});

test('fields that nobody knows are dropped', async () => {
  const line = JSON.stringify({ ...plain, later: true });
  expect(await entriesOf(line, `{"__proto__":1,"constructor":2,${line.slice(1)}`)).toEqual([plain, plain]);
});

test.each<[string, object | string]>([
  ['no path', { ...plain, path: undefined }],
  ['no size', { ...plain, size: undefined }],
  ['a number as path', { ...plain, path: 1 }],
  ['text as mode', { ...plain, mode: '644' }],
  ['a type that is none', { ...plain, type: 'socket' }],
  ['a number as time', { ...plain, mtimeNs: 1 }],
  ['no text as hash', { ...plain, sha256: null }],
  ['a number that is too large for one', JSON.stringify(plain).replace('"size":3', '"size":1e999')],
  ['attributes that are no text', { ...plain, xattrs: { 'user.x': 1 } }],
  ['half a device', { ...plain, device: { major: 1 } }],
  ['a list', '[]'],
  ['null', 'null'],
  ['no JSON', '{'],
])('an entry with %s is damage', async (_, line) => {
  const text = typeof line === 'string' ? line : JSON.stringify(line);
  await expect(entriesOf(text)).rejects.toMatchObject({ code: 'archive-damaged' });
});
