import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { output } from '../../test/helpers/child-process.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { makeDirectory, writeFileAtomic } from './atomic-write.ts';

async function folder(): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  return directory.path;
}

test('a file is made with its mode, whatever the umask, and replaced', async () => {
  const at = join(await folder(), 'file');
  const umask = process.umask(0o077);
  onTestFinished(() => void process.umask(umask));
  await writeFileAtomic(at, 'one', 0o644);
  expect((await stat(at)).mode & 0o7777).toBe(0o644);
  await writeFileAtomic(at, Buffer.from([1, 2, 3]));
  expect([...(await readFile(at))]).toEqual([1, 2, 3]);
  expect((await stat(at)).mode & 0o7777).toBe(0o600);
});

test('readers see the old or the new content, never a part', async () => {
  const at = join(await folder(), 'file');
  const texts = ['a'.repeat(300_000), 'b'.repeat(300_000)];
  await writeFileAtomic(at, texts[0] ?? '');
  const written = new AbortController();
  const writer = async () => {
    for (let round = 0; round < 20; round += 1) await writeFileAtomic(at, texts[round % 2] ?? '');
    written.abort();
  };
  const reader = async () => {
    while (!written.signal.aborted) expect(texts).toContain(await readFile(at, 'utf8'));
  };
  await Promise.all([writer(), reader()]);
});

test('a link is replaced, and what it points to is left alone', async () => {
  const at = await folder();
  await writeFile(join(at, 'other'), 'other');
  await symlink('other', join(at, 'link'));
  await writeFileAtomic(join(at, 'link'), 'new');
  expect(await readFile(join(at, 'link'), 'utf8')).toBe('new');
  expect(await readFile(join(at, 'other'), 'utf8')).toBe('other');
});

test('when the last move fails, what was there stands and nothing is left over', async () => {
  const at = await folder();
  await mkdir(join(at, 'busy', 'inside'), { recursive: true });
  await expect(writeFileAtomic(join(at, 'busy'), 'x')).rejects.toMatchObject({
    message: expect.stringContaining(join(at, 'busy')),
  });
  expect(await readdir(at)).toEqual(['busy']);
  expect(await readdir(join(at, 'busy'))).toEqual(['inside']);
});

test('no directory, or one that is a file: a clear error', async () => {
  const at = await folder();
  await writeFile(join(at, 'file'), '');
  await expect(writeFileAtomic(join(at, 'none', 'x'), 'x')).rejects.toMatchObject({ code: 'not-found' });
  await expect(writeFileAtomic(join(at, 'file', 'x'), 'x')).rejects.toMatchObject({ code: 'failed' });
});

test('a full filesystem, and one that is read-only: the old content stands', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('only root can mount');
  const at = join(await folder(), 'small');
  await mkdir(at);
  await output('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at);
  onTestFinished(async () => {
    await output('umount', at);
  });
  await writeFileAtomic(join(at, 'file'), 'old');
  await expect(writeFileAtomic(join(at, 'file'), Buffer.alloc(2 * 1024 * 1024))).rejects.toMatchObject({
    code: 'no-space',
    hint: expect.stringContaining('Free some space'),
  });
  expect(await readFile(join(at, 'file'), 'utf8')).toBe('old');
  expect(await readdir(at)).toEqual(['file']);
  await writeFileAtomic(join(at, 'file'), Buffer.alloc(512 * 1024));
  await output('mount', '-o', 'remount,ro', at);
  await expect(writeFileAtomic(join(at, 'file'), 'x')).rejects.toMatchObject({ code: 'permission-denied' });
  expect(await readdir(at)).toEqual(['file']);
});

test('directories are made with their parents, and making them again is fine', async () => {
  const at = join(await folder(), 'a', 'b', 'c');
  await makeDirectory(at, 0o700);
  await makeDirectory(at, 0o700);
  expect((await stat(at)).mode & 0o7777).toBe(0o700);
  await rm(at, { recursive: true });
  await writeFile(at, '');
  await expect(makeDirectory(at)).rejects.toMatchObject({ code: 'EEXIST' });
});
