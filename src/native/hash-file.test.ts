import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { FILE_FLAG, getFileFlags, setFileFlags } from './file.ts';
import { type FileHash, fileHashes } from './hash-file.ts';

const opened = (fresh: boolean) => {
  const hashes = fileHashes(fresh);
  if (hashes === undefined) throw new Error('this Node hides its OpenSSL');
  const one = async (path: string): Promise<FileHash> => {
    const [found] = await hashes.hash([path]);
    if (found === undefined || found instanceof Error) throw found ?? new Error('nothing');
    return found;
  };
  return { ...hashes, one };
};
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test.each([false, true])('whole files of any size, many at once; fresh: %s', async (fresh) => {
  await using directory = await temporaryDirectory();
  const hashes = opened(fresh);
  const contents = [0, 1, 4095, 4096, 1024 * 1024 - 1, 1024 * 1024, 3_333_333].map((size) => randomBytes(size));
  contents.forEach((content, index) => writeFileSync(join(directory.path, `${index}`), content));
  const paths = contents.map((_, index) => join(directory.path, `${index}`));
  const expected = contents.map((content) => ({ sha256: sha256(content), bytes: content.length }));
  expect(await hashes.hash(paths)).toMatchObject(expected);
  expect(await Promise.all(paths.map((path) => hashes.one(path)))).toMatchObject(expected);
  expect(hashes.bytes()).toBe(2 * contents.reduce((sum, { length }) => sum + length, 0));
  expect(await hashes.hash([])).toEqual([]);
});

test('what is read afresh is what is on the disk, and what was written meanwhile', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'file');
  writeFileSync(path, 'one');
  expect((await opened(true).one(path)).sha256).toBe(sha256(Buffer.from('one')));
  // Not on the disk yet: that it is let go of changes nothing of it.
  writeFileSync(path, 'two');
  expect((await opened(true).one(path)).sha256).toBe(sha256(Buffer.from('two')));
});

test('holes are zeros, and flags are told', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'file');
  writeFileSync(path, '');
  truncateSync(path, 5 << 20);
  const file = openSync(path, 'r');
  setFileFlags(file, getFileFlags(file) | FILE_FLAG.NODUMP);
  closeSync(file);
  const { sha256: digest, flags = 0 } = await opened(true).one(path);
  expect(digest).toBe(sha256(Buffer.alloc(5 << 20)));
  expect(flags & FILE_FLAG.NODUMP).toBe(FILE_FLAG.NODUMP);
});

test('what is no file is refused, and what is not there', async () => {
  await using directory = await temporaryDirectory();
  const at = (name: string) => join(directory.path, name);
  mkdirSync(at('directory'));
  symlinkSync('/etc/hostname', at('link'));
  const hashes = opened(false);
  writeFileSync(at('file'), 'x');
  // One that cannot be read keeps none from being.
  expect(await hashes.hash(['nothing', 'directory', 'link', 'file'].map(at))).toMatchObject([
    { code: 'ENOENT', path: at('nothing') },
    { code: 'ESTALE' },
    { code: 'ELOOP' },
    { bytes: 1 },
  ]);
});

test('stops', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'file');
  writeFileSync(path, '');
  truncateSync(path, 1e12);
  const hashes = opened(false);
  const hashing = hashes.one(path);
  hashes.stop();
  await expect(hashing).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(hashes.bytes()).toBeLessThan(1e12);
});
