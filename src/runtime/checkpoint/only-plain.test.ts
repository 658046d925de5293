import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { onlyPlain } from './only-plain.ts';

const long = `deep/${'n'.repeat(120)}/${'m'.repeat(120)}`;

/** As `pack` makes one, of a tree with what GNU tar has special members for. */
async function archiveOf(fill: (directory: string) => void, ...more: readonly string[]): Promise<Buffer> {
  await using directory = await temporaryDirectory();
  mkdirSync(join(directory.path, 'checkpoint'));
  writeFileSync(join(directory.path, 'checkpoint', 'pages-1.img'), Buffer.alloc(70_000, 7));
  fill(directory.path);
  return execFileSync('tar', ['--create', '--format=gnu', '-P', '--directory', directory.path, ...more, '.']);
}

async function passed(archive: Buffer, pieces: number): Promise<Buffer> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < archive.length; at += pieces) yield archive.subarray(at, at + pieces);
  }
  const out: Uint8Array[] = [];
  for await (const chunk of onlyPlain(chunks(), 'a.tar')) out.push(chunk);
  return Buffer.concat(out);
}

test.each([1000, 512, 37, 1 << 20])('passes on all of an archive, in pieces of %i bytes', async (pieces) => {
  const archive = await archiveOf((directory) => {
    mkdirSync(join(directory, 'deep', 'n'.repeat(120)), { recursive: true });
    writeFileSync(join(directory, long), 'x');
  });
  const out = await passed(archive, pieces);
  expect(archive.subarray(0, out.length).equals(out)).toBe(true);
  const names = execFileSync('tar', ['--list', '--file', '-'], { input: out, encoding: 'utf8' });
  expect(names).toContain(`./${long}\n`);
});

test.each([
  ['a symbolic link', (directory: string) => symlinkSync('/etc', join(directory, 'checkpoint', 'etc'))],
  ['a hard link', (directory: string) => execFileSync('ln', ['checkpoint/pages-1.img', 'b'], { cwd: directory })],
  ['a pipe', (directory: string) => execFileSync('mkfifo', ['pipe'], { cwd: directory })],
])('%s is refused', async (_what, fill) => {
  await expect(passed(await archiveOf(fill), 1000)).rejects.toMatchObject({ code: 'archive-unsafe' });
});

test.each([
  ['a path from the root', '--transform=s,^./checkpoint/p,/etc/p,'],
  ['a path that leads out', '--transform=s,^./checkpoint/p,a/../../p,'],
  ['a long path that leads out', `--transform=s,^./checkpoint/p,${'a'.repeat(150)}/../../../p,`],
  ['an extended header', '--format=pax'],
])('%s is refused', async (_what, option) => {
  const archive = await archiveOf(() => undefined, option);
  await expect(passed(archive, 1000)).rejects.toMatchObject({ code: 'archive-unsafe' });
});

test('what ends early is damaged, and what goes on behind its end is unsafe', async () => {
  const archive = await archiveOf(() => undefined);
  await expect(passed(archive.subarray(0, 40_000), 1000)).rejects.toMatchObject({ code: 'archive-damaged' });
  await expect(passed(Buffer.alloc(0), 1000)).rejects.toMatchObject({ code: 'archive-damaged' });
  await expect(passed(Buffer.concat([archive, archive]), 1000)).rejects.toMatchObject({ code: 'archive-unsafe' });
});

test('nothing of a member is passed on that is refused', async () => {
  const archive = await archiveOf(() => undefined, '--transform=s,^./checkpoint/p,../p,');
  const out: Buffer[] = [];
  const one = (async function* () {
    yield archive;
  })();
  await expect(
    (async () => {
      for await (const chunk of onlyPlain(one, 'a.tar')) out.push(Buffer.from(chunk));
    })(),
  ).rejects.toMatchObject({ code: 'archive-unsafe' });
  expect(Buffer.concat(out).includes('../p')).toBe(false);
});
