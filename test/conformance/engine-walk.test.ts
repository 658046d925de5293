/** The walk sees what the engine stores: at mount points, and while others remove files. */
import { execFileSync } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareTrees } from '../../src/engine/compare.ts';
import { openEngine } from '../../src/engine/engines.ts';
import { walkTree } from '../../src/engine/walk.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import { backupJob, isRoot, place } from './engine.ts';

test.runIf(isRoot)(
  'directories and files on which something is mounted are seen as tar stores them',
  async ({ signal }) => {
    await using at = await place();
    const tree = await at.directory('tree');
    for (const name of ['mounted', 'z']) await mkdir(join(tree, name));
    await writeFile(join(tree, 'file'), 'below');
    await writeFile(join(tree, 'z/after'), 'x');
    execFileSync('mount', ['-t', 'tmpfs', 'none', join(tree, 'mounted')]);
    try {
      await writeFile(join(tree, 'mounted/inside'), 'of the other filesystem');
      execFileSync('mount', ['--bind', join(tree, 'mounted/inside'), join(tree, 'file')]);
      try {
        const engine = openEngine('tar');
        const job = backupJob(memoryTarget('engine', new Map()), [tree]);
        const { stored } = await engine.backup(job, signal);
        const entries = await Array.fromAsync(engine.entries({ ...job, stored }, signal));
        const walk = () => walkTree('/', tree.slice(1), { hash: true, oneFileSystem: true }, signal);
        expect(await compareTrees(entries, walk())).toEqual([]);
        const names = (await Array.fromAsync(walk())).map(({ path }) => path.slice(tree.length));
        expect(names).toEqual(['', 'file', 'mounted', 'z', 'z/after']);
      } finally {
        execFileSync('umount', [join(tree, 'file')]);
      }
    } finally {
      execFileSync('umount', [join(tree, 'mounted')]);
    }
  },
);

test('what vanishes, or is replaced, after its directory was read is not there', async ({ signal }) => {
  await using at = await place();
  const tree = await at.directory('tree');
  // More of them than are read ahead.
  const between = ['b', 'c', 'd', 'e', 'f'];
  const names = ['a', ...between, 'gone/below', 'link/below', 'z'];
  for (const name of names) await mkdir(join(tree, name), { recursive: true });
  await writeFile(join(tree, 'file'), 'x');
  const seen: string[] = [];
  for await (const { path } of walkTree(tree, '', { hash: true }, signal)) {
    seen.push(path);
    if (path !== 'a') continue;
    for (const name of ['file', 'gone', 'link']) await rm(join(tree, name), { recursive: true });
    await writeFile(join(tree, 'gone'), 'now a file');
    await symlink('a', join(tree, 'link'));
  }
  expect(seen).toEqual(['', 'a', ...between, 'z']);
  expect(await Array.fromAsync(walkTree(join(tree, 'nothing'), '', { hash: true }, signal))).toEqual([]);
});
