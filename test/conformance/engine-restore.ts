/** What every engine owes of restoring: `describeEngineRestore` goes on, gives to others, spreads over filesystems. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackupJob, Engine, RestoreJob } from '../../src/engine/engine.ts';
import { compareWith } from '../../src/engine/restore/compare.ts';
import { finishAttributes } from '../../src/engine/restore/finish.ts';
import { place as putInPlace } from '../../src/engine/restore/place.ts';
import { select } from '../../src/engine/restore/select.ts';
import { Findings } from '../../src/engine/tar/stderr.ts';
import { getXattr } from '../../src/native/xattr.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import { backupJob, isRoot, makeNastyTree, oracle, type Place, place } from './engine.ts';

export function describeEngineRestore(name: string, { open }: { readonly open: () => Engine }): void {
  describe(`restoring with the engine ${name}`, () => {
    let at: Place;
    let tree: string;
    let engine: Engine;
    let job: BackupJob & RestoreJob;
    const { signal } = new AbortController();
    beforeAll(async () => {
      at = await place();
      tree = await at.directory('tree');
      makeNastyTree(tree);
      engine = open();
      const base = backupJob(memoryTarget('engine', new Map()), [tree]);
      const { stored } = await engine.backup(base, signal);
      job = { ...base, stored, paths: [], directory: '' };
    });
    afterAll(() => at[Symbol.asyncDispose]());

    test('goes on with what is there: what is whole by its content is kept, the rest is made again', async () => {
      await using own = await place();
      const directory = await own.directory('restored');
      await engine.restore({ ...job, directory }, signal);
      const top = join(directory, tree);
      const whole = await stat(join(top, 'x/f'));
      const { atime, mtime } = await stat(join(top, 'big'));
      await truncate(join(top, 'big'), 1000);
      await truncate(join(top, 'big'), 256 * 12_000);
      await utimes(join(top, 'big'), atime, mtime);
      await rm(join(top, 'first'));
      await writeFile(join(top, 'foreign'), 'x');
      await rm(join(top, 'links'), { recursive: true });
      const report = await engine.restore({ ...job, directory }, signal);
      expect(report.findings).toEqual([]);
      expect(report.kept).toBeGreaterThan(10);
      expect(oracle(top)).toEqual(oracle(tree));
      expect((await stat(join(top, 'x/f'))).ino).toBe(whole.ino);
    });

    test('reads back what it wrote when asked', async () => {
      await using own = await place();
      const directory = await own.directory('restored');
      expect((await engine.restore({ ...job, directory, reread: true }, signal)).findings).toEqual([]);
    });

    test('restores only what it is told to, with the directories above', async () => {
      await using own = await place();
      const directory = await own.directory('restored');
      const only = (path: string) => path.endsWith('x/f') || path.endsWith('/plain');
      const report = await engine.restore({ ...job, directory, only }, signal);
      expect(report).toMatchObject({ entries: 2, findings: [] });
      expect((await readdir(join(directory, tree))).sort()).toEqual(['plain', 'x']);
    });

    test.skipIf(!isRoot)('gives files and their ACLs to other owners (needs root)', async () => {
      await using own = await place();
      const directory = await own.directory('restored');
      const owners = { users: { 33: 133, 4242: 5 }, groups: { 33: 233, 4343: 6 } };
      expect((await engine.restore({ ...job, directory, owners }, signal)).findings).toEqual([]);
      const first = await stat(join(directory, tree, 'first'));
      expect([first.uid, first.gid]).toEqual([133, 233]);
      const acl = getXattr(join(directory, tree, 'plain'), 'system.posix_acl_access');
      const ids = Array.from({ length: 6 }, (_, index) => acl?.readUInt32LE(8 + 8 * index));
      expect([ids.includes(5), ids.includes(6), ids.includes(4242), ids.includes(4343)]).toEqual([
        true,
        true,
        false,
        false,
      ]);
    });

    test.skipIf(!isRoot)('spreads over directories of several filesystems (needs root)', async () => {
      await using own = await place();
      const directory = await own.directory('restored');
      const other = await own.directory('other');
      execFileSync('mount', ['-t', 'tmpfs', 'none', other]);
      try {
        const path = `${tree.slice(1)}/deep`;
        await mkdir(join(other, path), { recursive: true });
        const elsewhere = [{ path, directory: other }];
        expect((await engine.restore({ ...job, directory, elsewhere }, signal)).findings).toEqual([]);
        expect(oracle(join(other, path))).toEqual(oracle(join(tree, 'deep')));
        expect(await readdir(join(directory, path))).toEqual([]);
        // Where all of it lies there, what leads to it is no stranger.
        const empty = await own.directory('empty');
        const below = { elsewhere, directory: empty, only: (one: string) => one.startsWith(`${path}/`) };
        expect((await engine.restore({ ...job, ...below }, signal)).findings).toEqual([]);
      } finally {
        execFileSync('umount', [other]);
      }
    });

    test.skipIf(!isRoot)(
      'while others swap directories of theirs for symlinks, nothing outside changes (needs root)',
      async () => {
        await using own = await place();
        const source = await own.directory('source');
        for (let index = 0; index < 400; index++) {
          await mkdir(join(source, `d${index % 20}`), { recursive: true });
          await writeFile(join(source, `d${index % 20}`, `f${index}`), 'new');
        }
        const outside = await own.directory('outside');
        for (let index = 0; index < 400; index++) await writeFile(join(outside, `f${index}`), 'kept');
        const directory = await own.directory('live');
        await mkdir(join(directory, source, '..'), { recursive: true });
        execFileSync('cp', ['-a', source, join(directory, source)]);
        for (let index = 0; index < 400; index++) {
          await writeFile(join(directory, source, `d${index % 20}`, `f${index}`), 'old', { mode: 0o600 });
        }
        const base = backupJob(memoryTarget('engine', new Map()), [source]);
        const { stored } = await engine.backup(base, signal);
        const point = { ...base, stored, paths: [] };
        const before = oracle(outside);
        const findings = new Findings();
        const entries = () => engine.entries(point, signal);
        const selection = await select(entries, [], findings);
        const options = { directory, root: false, onProgress: () => undefined };
        const comparison = await compareWith(entries(), selection, options, signal);
        const stage = { directory: await own.directory('live/.stage'), elsewhere: [] };
        const only = (path: string) => comparison.changes.has(path);
        const { staged } = await engine.restore({ ...point, directory: stage.directory, only }, signal);
        const script = `import os,sys
top,out=sys.argv[1:]
print('ready',flush=True)
while True:
  for i in range(20):
    d=top+'/d%d'%i
    try:
      os.rename(d,d+'.was'); os.symlink(out,d); os.unlink(d); os.rename(d+'.was',d)
    except OSError: pass`;
        const swapping = spawn('python3', ['-c', script, join(directory, source), outside], {
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        await once(swapping.stdout, 'data');
        try {
          const placing = { directory, stage, staged, comparison, findings, onCreate: () => undefined };
          await putInPlace(placing, signal);
          await finishAttributes(placing, async () => undefined, signal);
        } finally {
          swapping.kill('SIGKILL');
        }
        expect(oracle(outside)).toEqual(before);
        expect(await readFile(join(outside, 'f1'), 'utf8')).toBe('kept');
      },
    );
  });
}
