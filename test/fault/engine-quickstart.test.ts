/** `npm run quickstart` where names, links, mounts and other programs are in its way. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { isRoot, place } from '../conformance/engine.ts';

const program = join(import.meta.dirname, '../../dist/src/cli/quickstart.js');

async function quickstart(cwd: string, ...paths: readonly string[]) {
  const child = spawn(process.execPath, [program, ...paths], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

const proven = { code: 0, stdout: expect.stringContaining('Proven') };

test('its own directory is left out, whatever the path to it holds', async () => {
  await using at = await place();
  const work = join(at.path, 'b[1]*?\\n');
  await mkdir(work);
  await writeFile(join(work, 'file'), 'x');
  for (let round = 0; round < 2; round++) {
    const ended = await quickstart(work, work);
    expect(ended).toMatchObject(proven);
    expect(ended.stdout).not.toContain('.quickstart/repository/lifeboat');
  }
  expect((await readdir(join(work, '.quickstart/restored', work))).sort()).toEqual(['file']);
});

test('below a symlink, and where its own directory is one', async () => {
  await using at = await place();
  const source = await at.directory('source');
  await mkdir(join(source, 'd'));
  await writeFile(join(source, 'd/file'), 'x');
  await symlink(source, join(at.path, 'lnk'));
  const work = await at.directory('work');
  await mkdir(join(source, 'd/own'));
  await symlink(join(source, 'd/own'), join(work, '.quickstart'));
  expect(await quickstart(work, join(at.path, 'lnk/d'))).toMatchObject(proven);
  expect(await readdir(join(source, 'd/own/restored', source, 'd'))).toEqual(['file']);
});

test.runIf(isRoot)('with a mount below, and that given too', async () => {
  await using at = await place();
  const source = await at.directory('source');
  const work = await at.directory('work');
  await mkdir(join(source, 'mounted'));
  execFileSync('mount', ['-t', 'tmpfs', 'none', join(source, 'mounted')]);
  try {
    await writeFile(join(source, 'mounted/inside'), 'x');
    expect(await quickstart(work, source)).toMatchObject(proven);
    expect(await quickstart(work, source, join(source, 'mounted'))).toMatchObject(proven);
    expect(await readdir(join(work, '.quickstart/restored', source, 'mounted'))).toEqual(['inside']);
  } finally {
    execFileSync('umount', [join(source, 'mounted')]);
  }
});

test('in a directory in which files come and go it names differences, or none', async () => {
  await using at = await place();
  const source = await at.directory('source');
  const work = await at.directory('work');
  const script = `import os,sys
os.chdir(sys.argv[1])
print('ready',flush=True)
while True:
  for i in range(300): open('f%d'%i,'w').close(); os.makedirs('d%d/e'%i)
  for i in range(300): os.unlink('f%d'%i); os.removedirs('d%d/e'%i)`;
  const busy = spawn('python3', ['-c', script, source], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(busy.stdout, 'data');
    const ended = await quickstart(work, source);
    expect(ended.stderr).not.toContain('ENOENT');
    expect([0, 3, 4]).toContain(ended.code);
    expect(ended.stdout).toMatch(/Proven|difference\(s\)/);
  } finally {
    busy.kill('SIGKILL');
  }
});

test('a damaged manifest of the point before does not lose the result', async () => {
  await using at = await place();
  const source = await at.directory('source');
  const work = await at.directory('work');
  expect(await quickstart(work, source)).toMatchObject(proven);
  const repository = join(work, '.quickstart/repository');
  const names = await readdir(repository, { recursive: true });
  const manifest = names.find((name) => name.endsWith('.manifest.zst.age')) ?? 'no manifest';
  await truncate(join(repository, manifest), 20);
  const ended = await quickstart(work, source);
  expect(ended).toMatchObject(proven);
  expect(ended.stdout).toContain('cannot compare with the point before');
});
