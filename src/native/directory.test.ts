import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nameToBytes } from '../kernel/text.ts';
import { readDirectory } from './directory.ts';
import { AT_FDCWD, utimensat } from './file.ts';
import { setXattr } from './xattr.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lifeboat-directory-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const isRoot = process.getuid?.() === 0;

function newDirectory(name: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
}

test('facts are those of lstat and readlink, in the order of bytes', async () => {
  const at = newDirectory('facts');
  mkdirSync(join(at, 'directory'), { mode: 0o750 });
  writeFileSync(join(at, 'file'), 'four');
  chmodSync(join(at, 'file'), 0o4751);
  if (isRoot) chownSync(join(at, 'file'), 12, 345);
  linkSync(join(at, 'file'), join(at, 'z second name'));
  symlinkSync('nowhere at all', join(at, 'link'));
  execFileSync('mkfifo', [join(at, 'pipe')]);
  writeFileSync(join(at, 'Ünïcode\n'), '');
  writeFileSync(nameToBytes(join(at, 'bytes \udcff\udcc3')), '');
  const found = await readDirectory(at);
  expect(found.map(({ name }) => name)).toEqual([
    'bytes \udcff\udcc3',
    'directory',
    'file',
    'link',
    'pipe',
    'z second name',
    'Ünïcode\n',
  ]);
  for (const { name, facts } of found) {
    const stats = lstatSync(nameToBytes(join(at, name)), { bigint: true });
    expect(facts).toEqual({
      kind: stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'symlink' : stats.isFIFO() ? 'fifo' : 'file',
      mode: Number(stats.mode & 0o7777n),
      uid: Number(stats.uid),
      gid: Number(stats.gid),
      size: Number(stats.size),
      mtimeNs: String(stats.mtimeNs),
      device: String(stats.dev),
      inode: `${stats.dev}:${stats.ino}`,
      links: Number(stats.nlink),
      link: name === 'link' ? 'nowhere at all' : '',
    });
  }
});

test.each([
  0n,
  1n,
  999_999_999n,
  1_000_000_000n,
  -1n,
  -999_999_999n,
  -1_000_000_000n,
  -1_500_000_001n,
  4_000_000_000_123_456_789n,
])('a time of %d ns is told as lstat tells it', async (mtimeNs) => {
  const at = newDirectory(`time ${mtimeNs}`);
  writeFileSync(join(at, 'file'), '');
  utimensat(AT_FDCWD, join(at, 'file'), undefined, mtimeNs, false);
  const [found] = await readDirectory(at);
  expect(found?.facts?.mtimeNs).toBe(String(lstatSync(join(at, 'file'), { bigint: true }).mtimeNs));
});

test('what has attributes or is a device is only named, and a socket is left out', async () => {
  const at = newDirectory('named');
  writeFileSync(join(at, 'attributed'), '');
  setXattr(join(at, 'attributed'), 'user.x', Buffer.from('y'));
  writeFileSync(join(at, 'plain'), '');
  const server = createServer().listen(join(at, 'socket'));
  try {
    const found = await readDirectory(at);
    expect(found.map(({ name, facts }) => [name, facts?.kind])).toEqual([
      ['attributed', undefined],
      ['plain', 'file'],
    ]);
  } finally {
    server.close();
  }
  expect((await readDirectory('/dev')).find(({ name }) => name === 'null')).toEqual({ name: 'null', facts: undefined });
});

test('of many entries none is lost, and of an empty directory there are none', async () => {
  const at = newDirectory('many');
  expect(await readDirectory(at)).toEqual([]);
  const names = Array.from({ length: 3000 }, (_, index) => `${index} ${'x'.repeat(index % 200)}`);
  for (const name of names) writeFileSync(join(at, name), '');
  expect((await readDirectory(at)).map(({ name }) => name)).toEqual(names.sort());
});

test('a path of nearly 4,096 bytes: what can be named in full is looked at, the rest only named', async () => {
  const step = `/${'d'.repeat(254)}`;
  const script =
    'import os, sys\nos.chdir(sys.argv[1])\nfor n in sys.argv[2:]: os.mkdir(n); os.chdir(n)\nopen("s", "w"); open("l" * 255, "w")';
  const at = newDirectory('deep');
  const steps = Math.floor((4090 - at.length) / 255);
  const last = 'e'.repeat(4090 - at.length - 255 * steps - 1);
  execFileSync('python3', ['-c', script, at, ...Array.from({ length: steps }, () => 'd'.repeat(254)), last]);
  const full = `${at}${step.repeat(steps)}/${last}`;
  expect(full).toHaveLength(4090);
  expect((await readDirectory(full)).map(({ name, facts }) => [name.length, facts?.kind])).toEqual([
    [255, undefined],
    [1, 'file'],
  ]);
  await expect(readDirectory(`${full}/${'x'.repeat(10)}`)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
});

test('the longest path that the kernel takes: what is there is named', async () => {
  const at = newDirectory('deepest');
  const steps = Math.floor((4095 - at.length - 2) / 255);
  const names = Array.from({ length: steps }, () => 'd'.repeat(254));
  names.push('e'.repeat(4095 - at.length - 255 * steps - 1));
  const script =
    'import os, sys\nos.chdir(sys.argv[1])\nfor n in sys.argv[2:]: os.mkdir(n); os.chdir(n)\nopen("s", "w")';
  execFileSync('python3', ['-c', script, at, ...names]);
  const full = [at, ...names].join('/');
  expect(full).toHaveLength(4095);
  expect(await readDirectory(full)).toEqual([{ name: 's', facts: undefined }]);
});

test('what cannot be read is a system error, and a symlink is not followed', async () => {
  const at = newDirectory('errors');
  symlinkSync(directory, join(at, 'link'));
  writeFileSync(join(at, 'file'), '');
  await expect(readDirectory(join(at, 'none'))).rejects.toMatchObject({ code: 'ENOENT', syscall: 'scandir' });
  await expect(readDirectory(join(at, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(readDirectory(join(at, 'link'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  await expect(readDirectory('with\0nul')).rejects.toMatchObject({ code: 'native-call' });
});
