/** A medium takes the place of the one that was there when it is whole, and not before. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { checkOutput, deliver } from './deliver.ts';
import type { Format } from './formats/format.ts';
import { pxe } from './formats/pxe.ts';
import { toolsIn } from './tools.ts';

const { signal } = new AbortController();
const file: Format = {
  name: 'iso',
  makes: 'file',
  write: async ({ id }, { output }) => await writeFile(output, `medium ${id}`),
};
const directory: Format = {
  name: 'pxe',
  makes: 'directory',
  isOwn: (name) => name === 'kernel',
  async write({ id }, { output }) {
    await mkdir(output);
    await writeFile(join(output, 'kernel'), id);
  },
};

async function place() {
  const temporary = await temporaryDirectory();
  await mkdir(join(temporary.path, 'source/lifeboat'), { recursive: true });
  await writeFile(join(temporary.path, 'source/lifeboat/vmlinuz'), 'kernel');
  await mkdir(join(temporary.path, 'out'));
  return {
    out: join(temporary.path, 'out'),
    put: async (format: Format, id: string, prove = async (_file: string) => {}) =>
      await deliver(
        { directory: join(temporary.path, 'source'), id, entries: [] },
        { kind: 'path', path: join(temporary.path, 'out', format.makes), format },
        { tools: toolsIn(localHost(), temporary.path), work: temporary.path },
        localHost(),
        prove,
        signal,
      ),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

test('a file, and the next one in its place', async () => {
  await using one = await place();
  expect(await one.put(file, '1')).toBe(8);
  await one.put(file, '2');
  expect(await readFile(join(one.out, 'file'), 'utf8')).toBe('medium 2');
  expect(await readdir(one.out)).toEqual(['file']);
  expect((await stat(join(one.out, 'file'))).mode & 0o777).toBe(0o600);
});

test('a directory, and the next one in its place', async () => {
  await using one = await place();
  await one.put(directory, '1');
  await writeFile(join(one.out, 'directory/left'), 'of the last one');
  await one.put(directory, '22');
  expect(await readdir(join(one.out, 'directory'))).toEqual(['kernel']);
  expect(await readdir(one.out)).toEqual(['directory']);
});

test.each([file, directory])('what could not be proven leaves the old one ($makes)', async (format) => {
  await using one = await place();
  await one.put(format, '1');
  const unproven = one.put(format, '2', async () => await Promise.reject(new LifeboatError('rescue-incomplete', 'no')));
  await expect(unproven).rejects.toMatchObject({ code: 'rescue-incomplete' });
  expect(await readdir(one.out)).toEqual([format.makes]);
  const path = format === file ? 'file' : 'directory/kernel';
  expect(await readFile(join(one.out, path), 'utf8')).toMatch(/1$/);
});

test('what has other files in it is no place for a medium', async () => {
  await using one = await place();
  await checkOutput(join(one.out, 'new'), file);
  await checkOutput(one.out, directory);
  await expect(checkOutput(one.out, file)).rejects.toMatchObject({ code: 'usage' });
  await writeFile(join(one.out, 'kernel'), '');
  await checkOutput(one.out, directory);
  await mkdir(join(one.out, 'sub'));
  await writeFile(join(one.out, 'sub/photo'), '');
  await expect(checkOutput(one.out, directory)).rejects.toMatchObject({ code: 'usage' });
  await expect(checkOutput('/dev/null', file)).rejects.toMatchObject({ code: 'usage' });
});

test('a tree for the network is replaced, but not one with more in it', async () => {
  for (const name of ['pxelinux.0', 'grub/grub.cfg', 'lifeboat/initrd', 'lifeboat/0123456789abcdef']) {
    expect([name, pxe.isOwn?.(name)]).toEqual([name, true]);
  }
  for (const name of ['grub/other.cfg', 'pxelinux.cfg/01-52', 'lifeboat/notes', 'undionly.kpxe']) {
    expect([name, pxe.isOwn?.(name)]).toEqual([name, false]);
  }
});
