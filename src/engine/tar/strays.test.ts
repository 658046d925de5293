/** A host on which directories are replaced by symlinks between the walk and tar. */
import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backupJob, place } from '../../../test/conformance/engine.ts';
import { laterHost } from '../../../test/conformance/engine-chains.ts';
import { memoryTarget } from '../../target/memory/memory.ts';
import { getBytes } from '../../target/target.ts';
import type { Host } from '../../host/host.ts';
import { openEngine } from '../engines.ts';
import { Strays } from './strays.ts';

/** @param before done when tar is to read the files */
export function hostWith(before: () => void): Host {
  const host = laterHost();
  return {
    ...host,
    stream(argv, options, signal) {
      if (argv[0] === 'tar') before();
      return host.stream(argv, options, signal);
    },
  };
}

test('below what is no directory, and another name of that', () => {
  const strays = new Strays();
  const asked = [
    { path: '', type: 'directory' },
    { path: 'd', type: 'symlink' },
    { path: 'd/x', type: 'file' },
    { path: 'd/x/y', type: 'file' },
    { path: 'd.x', type: 'file' },
    { path: 'e', type: 'directory' },
    { path: 'e/x', type: 'hardlink', link: 'd/x' },
    { path: 'e/y', type: 'hardlink', link: 'd.x' },
  ] as const;
  expect(asked.filter((one) => strays.has(one)).map(({ path }) => path)).toEqual(['d/x', 'd/x/y', 'e/x']);
});

test('nothing that lies behind a link which took the place of a directory is in the point', async ({ signal }) => {
  await using at = await place();
  const tree = await at.directory('tree');
  const secret = await at.directory('secret');
  for (const name of ['kept', 'd', 'z']) await mkdir(join(tree, name));
  for (const name of ['kept/x', 'd/x', 'd/y', 'z/x']) await writeFile(join(tree, name), name);
  for (const name of ['x', 'y']) await writeFile(join(secret, name), 'secret');
  const target = memoryTarget('engine', new Map());
  const engine = openEngine('tar');
  const swap = (name: string): void => {
    execFileSync('sh', ['-c', 'mv "$1" "$2/away-$3" && ln -s "$2/secret" "$1"', 'sh', join(tree, name), at.path, name]);
  };
  const full = backupJob(target, [tree], { host: hostWith(() => swap('d')) });
  const first = await engine.backup(full, signal);
  const told = (findings: readonly { subject: string }[]) => findings.map(({ subject }) => subject.slice(tree.length));
  expect(told(first.findings)).toEqual(expect.arrayContaining(['/d/x', '/d/y']));
  const names = execFileSync('sh', ['-c', 'zstd -dc | tar -t'], {
    input: await getBytes(target, 'tar/web1/20260102T030405Z-abcdef.tar.zst', 1 << 20, signal),
    encoding: 'utf8',
  });
  expect(names).toContain('tree/z/x');
  expect(names).not.toContain('/d/');
  expect((await engine.verify({ ...full, stored: first.stored }, signal)).damage).toEqual([]);

  // What an earlier point holds below it has no place in this one either.
  await writeFile(join(tree, 'kept/new'), 'x');
  const next = {
    ...backupJob(target, [tree], { host: hostWith(() => swap('kept')), pointId: '20260103T030405Z-abcdef' }),
    base: { pointId: full.pointId, stored: first.stored },
  };
  const second = await engine.backup(next, signal);
  expect(told(second.findings)).toContain('/kept/x');
  const job = { ...next, stored: second.stored };
  expect((await engine.verify(job, signal)).damage).toEqual([]);
  const directory = await at.directory('restored');
  await engine.restore({ ...job, paths: [], directory }, signal);
  expect(execFileSync('find', [join(directory, tree), '-printf', '%P %l\n'], { encoding: 'utf8' })).toContain('secret');
});

test('a directory that was renamed after the walk is a finding, and changes are what was stored', async ({
  signal,
}) => {
  await using at = await place();
  const tree = await at.directory('tree');
  await mkdir(join(tree, 'project/deep'), { recursive: true });
  for (const name of ['a', 'project/x', 'project/deep/y']) await writeFile(join(tree, name), 'before');
  const target = memoryTarget('engine', new Map());
  const engine = openEngine('tar');
  const full = backupJob(target, [tree], { host: laterHost(), exclude: [`${tree}/project/*`] });
  const { stored } = await engine.backup(full, signal);
  const host = hostWith(() => execFileSync('mv', [join(tree, 'project'), join(tree, 'project-2')]));
  execFileSync('touch', [join(tree, 'project')]);
  const next = { ...full, host, exclude: [], pointId: '20260103T030405Z-abcdef' };
  const result = await engine.backup({ ...next, base: { pointId: full.pointId, stored } }, signal);
  expect(result.findings).toEqual([
    { subject: join(tree, 'project'), problem: expect.stringContaining('removed or renamed before it was read') },
  ]);
  expect(result.notes).toEqual([expect.stringContaining('4 files vanished')]);
  expect(result.changes).toEqual({ added: 0, changed: 0, removed: 1 });
});
