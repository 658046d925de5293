import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { localHost } from '../../host/local.ts';
import { contentOf, membersOf, parseMembers, poured, readMember } from './archive.ts';
import { isOlder } from './facts.ts';
import { parseListening } from './restore.ts';

test('members of an archive, by what tar lists', () => {
  const listing = [
    'drwx------ 0/0               0 2026-11-22 17:07 ./checkpoint/',
    '-rw-r--r-- 0/0           73728 2026-11-22 17:07 ./checkpoint/pages-1.img',
    '-rw-r--r-- 0/0            2560 2026-11-22 17:07 volumes/my data.tar',
    '',
  ].join('\n');
  expect(parseMembers(listing, 'a.tar')).toEqual([
    { path: 'checkpoint/pages-1.img', bytes: 73_728 },
    { path: 'volumes/my data.tar', bytes: 2560 },
  ]);
});

test.each([
  'lrwxrwxrwx 0/0               0 2026-11-22 17:07 checkpoint -> /etc',
  'hrw-r--r-- 0/0               0 2026-11-22 17:07 a link to b',
  'crw-r--r-- 0/0             1,3 2026-11-22 17:07 null',
  '-rw-r--r-- 0/0               1 2026-11-22 17:07 ../../etc/passwd',
  '-rw-r--r-- 0/0               1 2026-11-22 17:07 /etc/passwd',
])('what no checkpoint has is refused: %s', (line) => {
  expect(() => parseMembers(line, 'a.tar')).toThrow(expect.objectContaining({ code: 'archive-unsafe' }));
});

test.each([
  ['4.1.1', '4.2.1', true],
  ['4.2', '4.2.1', false],
  ['4.2.1', '4.2.1', false],
  ['4.10', '4.9', false],
  ['3.19', '4.0', true],
])('CRIU %s is older than %s: %s', (version, than, expected) => {
  expect(isOlder(version, than)).toBe(expected);
});

test('ports that are listened on, as ss says it', () => {
  const lines = [
    'udp   UNCONN 0      0            0.0.0.0:68        0.0.0.0:*',
    'tcp   LISTEN 0      128             [::]:8080         [::]:*',
  ].join('\n');
  expect([...parseListening(lines)]).toEqual(['udp 68', 'tcp 8080']);
});

test('what is absurdly large is refused before all of it is read', async () => {
  await using directory = await temporaryDirectory();
  await using host = localHost();
  const { signal } = new AbortController();
  const archive = join(directory.path, 'a.tar');
  await writeFile(join(directory.path, 'document'), Buffer.alloc(200_000, 0x20));
  await host.run(['tar', '--create', '--file', archive, '--directory', directory.path, 'document'], {}, signal);
  expect(await readMember(host, archive, 'document', 200_000, signal)).toHaveLength(200_000);
  await expect(readMember(host, archive, 'document', 199_999, signal)).rejects.toMatchObject({
    code: 'archive-unsafe',
  });
});

/** As `pack` makes one, of a tree with what GNU tar has special members for. */
async function listed(fill: (directory: string) => void, ...more: readonly string[]) {
  await using directory = await temporaryDirectory();
  await using host = localHost();
  const tree = join(directory.path, 'tree');
  mkdirSync(join(tree, 'checkpoint'), { recursive: true });
  await writeFile(join(tree, 'checkpoint', 'pages-1.img'), Buffer.alloc(70_000, 7));
  fill(tree);
  const archive = join(directory.path, 'a.tar');
  execFileSync('tar', ['--create', '--format=gnu', '-P', '--file', archive, '--directory', tree, ...more, '.']);
  return await membersOf(host, archive, new AbortController().signal);
}

test.each([
  ['a symbolic link', (directory: string) => symlinkSync('/etc', join(directory, 'checkpoint', 'etc'))],
  ['a hard link', (directory: string) => execFileSync('ln', ['checkpoint/pages-1.img', 'b'], { cwd: directory })],
  ['a pipe', (directory: string) => execFileSync('mkfifo', ['pipe'], { cwd: directory })],
])('%s in an archive is refused', async (_what, fill) => {
  await expect(listed(fill)).rejects.toMatchObject({ code: 'archive-unsafe' });
});

test.each([
  ['a path from the root', '--transform=s,^./checkpoint/p,/etc/p,'],
  ['a path that leads out', '--transform=s,^./checkpoint/p,a/../../p,'],
  ['a long path that leads out', `--transform=s,^./checkpoint/p,${'a'.repeat(150)}/../../../p,`],
])('%s in an archive is refused', async (_what, option) => {
  await expect(listed(() => undefined, option)).rejects.toMatchObject({ code: 'archive-unsafe' });
});

test('what ends early is damaged, and its hash is that of its beginning', async () => {
  await using directory = await temporaryDirectory();
  await using host = localHost();
  const { signal } = new AbortController();
  await writeFile(join(directory.path, 'file'), Buffer.alloc(100_000, 1));
  const archive = join(directory.path, 'a.tar');
  await host.run(['tar', '--create', '--file', archive, '--directory', directory.path, 'file'], {}, signal);
  const copy = join(directory.path, 'copy');
  const beginning = await poured(archive, 40_000, copy, signal);
  await truncate(archive, 40_000);
  expect(await contentOf(archive, signal)).toEqual(beginning);
  expect(await readFile(copy)).toEqual(await readFile(archive));
  expect((await stat(copy)).mode & 0o777).toBe(0o600);
  await expect(membersOf(host, archive, signal)).rejects.toMatchObject({ code: 'archive-damaged' });
  await expect(contentOf(join(directory.path, 'none'), signal)).rejects.toMatchObject({ code: 'archive-damaged' });
  await expect(poured(archive, undefined, copy, signal)).rejects.toMatchObject({ code: 'EEXIST' });
});
