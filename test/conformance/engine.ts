/** What every engine owes: `describeEngine` runs the contract of `src/engine/engine.ts` against one implementation. */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { identityFrom } from '../../src/age/age.ts';
import { unsealed } from '../../src/age/keys.ts';
import { compareTrees } from '../../src/engine/compare.ts';
import type { BackupJob, Engine, Progress } from '../../src/engine/engine.ts';
import { walkTree } from '../../src/engine/walk.ts';
import { localHost } from '../../src/host/local.ts';
import { openFileTarget } from '../../src/target/file/file.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import { getBytes, type Target } from '../../src/target/target.ts';

export const isRoot = process.getuid?.() === 0;
const treeScript = new URL('nasty-tree.py', import.meta.url).pathname;

export function makeNastyTree(directory: string): void {
  execFileSync('python3', [treeScript, 'make', directory]);
}

/** Every entry of a tree with all its attributes, found out without any code of lifeboat. */
export function oracle(directory: string): string[] {
  return execFileSync('python3', [treeScript, 'list', directory], { maxBuffer: 1 << 28 })
    .toString()
    .trim()
    .split('\n');
}

export interface Place extends AsyncDisposable {
  readonly path: string;
  /** A new empty directory in it. */
  directory(name: string): Promise<string>;
}

export async function place(): Promise<Place> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-engine-'));
  return {
    path,
    async directory(name) {
      await mkdir(join(path, name));
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export function backupJob(target: Target, include: readonly string[], more: Partial<BackupJob> = {}): BackupJob {
  const names = { hostName: 'web1', pointId: '20260102T030405Z-abcdef' };
  return {
    target,
    ...names,
    host: localHost(),
    include,
    exclude: [],
    rules: { cacheDirectories: false },
    sealing: unsealed,
    description: { test: 1 },
    onProgress: () => undefined,
    ...more,
  };
}

export async function keysOf(target: Target, signal: AbortSignal): Promise<string[]> {
  return (await Array.fromAsync(target.list('', signal))).map(({ key }) => key).sort();
}

export function describeEngine(name: string, { open }: { open: () => Engine }): void {
  const targets = {
    memory: async () => memoryTarget('engine', new Map()),
    file: async (at: Place, signal: AbortSignal) => openFileTarget(await at.directory('repository'), {}, signal),
  };
  describe(`engine ${name}`, () => {
    let at: Place;
    let tree: string;
    beforeAll(async () => {
      at = await place();
      tree = await at.directory('tree');
      makeNastyTree(tree);
      if (!isRoot) console.log('engine: not root: no devices, owners, trusted and security attributes in the tree');
    });
    afterAll(() => at[Symbol.asyncDispose]());

    test.for(Object.entries(targets))(
      'everything a filesystem holds comes back, on %s',
      async ([, openTarget], { signal }) => {
        await using own = await place();
        await using target = await openTarget(own, signal);
        const engine = open();
        const job = backupJob(target, [tree]);
        const result = await engine.backup(job, signal);
        expect(result.findings).toEqual([]);
        const pointJob = { ...job, stored: JSON.parse(JSON.stringify(result.stored)) };
        expect(await engine.verify(pointJob, signal)).toMatchObject({
          damage: [],
          entries: result.entries,
          bytes: result.bytes,
          storedBytes: result.storedBytes,
        });
        const directory = await own.directory('restored');
        const report = await engine.restore({ ...pointJob, paths: [], directory }, signal);
        expect(report.findings).toEqual([]);
        expect(report).toMatchObject({ entries: result.entries, bytes: result.bytes });
        expect(oracle(join(directory, tree))).toEqual(oracle(tree));
        expect((await stat(join(directory, tree, 'sparse'))).blocks).toBeLessThan(1000);
        expect(await Array.fromAsync(engine.entries(pointJob, signal))).toHaveLength(result.entries);
        await engine.discard(job, signal);
        await engine.discard(job, signal);
        expect(await keysOf(target, signal)).toEqual([]);
      },
    );

    test('the entries are those of the tree', async ({ signal }) => {
      const engine = open();
      const job = backupJob(memoryTarget('engine', new Map()), [tree]);
      const { stored } = await engine.backup(job, signal);
      const walked = walkTree('/', tree.slice(1), { hash: true }, signal);
      expect(await compareTrees(engine.entries({ ...job, stored }, signal), walked)).toEqual([]);
    });

    test('paths are chosen with what is below them, and with the file that a hard link needs', async ({ signal }) => {
      await using own = await place();
      const engine = open();
      const job = backupJob(memoryTarget('engine', new Map()), [tree]);
      const { stored } = await engine.backup(job, signal);
      const directory = await own.directory('restored');
      const paths = [`${tree}/links`, `${tree}/x`, `${tree}/not there`];
      const report = await engine.restore({ ...job, stored, paths, directory }, signal);
      expect(report.findings.map(({ subject }) => subject).sort()).toEqual([`${tree}/first`, `${tree}/not there`]);
      expect((await readdir(join(directory, tree))).sort()).toEqual(['first', 'links', 'x']);
      expect((await stat(join(directory, tree, 'links/third'))).nlink).toBe(2);
    });

    test.for(['plain', 'sealed'])('what the data says of a point is what backup said, %s', async (how, { signal }) => {
      await using own = await place();
      const source = await own.directory('source');
      await writeFile(join(source, 'a'), 'a');
      const identity = identityFrom(randomBytes(32));
      const sealing = how === 'plain' ? unsealed : { recipients: [identity.recipient], identities: [identity] };
      const engine = open();
      const target = memoryTarget('engine', new Map());
      const first = backupJob(target, [source], { pointId: 'first', sealing, description: { what: ['first'] } });
      const full = await engine.backup(first, signal);
      await writeFile(join(source, 'b'), 'b');
      const second = { ...first, pointId: 'second', description: { what: 'second' } };
      const result = await engine.backup({ ...second, base: { pointId: 'first', stored: full.stored } }, signal);
      const { stored, entries, bytes, storedBytes } = result;
      const base = result.base === undefined ? {} : { base: result.base };
      const recovered = await engine.recover(second, signal);
      expect(recovered).toEqual({ description: { what: 'second' }, stored, entries, bytes, storedBytes, ...base });
      expect(engine.references(recovered.stored)).toEqual(engine.references(stored));
      await expect(engine.recover({ ...second, pointId: 'third' }, signal)).rejects.toMatchObject({
        code: 'not-found',
      });

      await engine.backup({ ...first, hostName: 'web10' }, signal);
      const pieces = await Array.fromAsync(engine.stored({ target, hostName: 'web1' }, signal));
      const ofWeb1 = (await keysOf(target, signal)).filter((key) => !key.includes('web10'));
      expect(pieces.map(({ key }) => key).sort()).toEqual(ofWeb1);
      expect([...new Set(pieces.map(({ pointId }) => pointId))].sort()).toEqual(['first', 'second']);
      for (const { key, size, mtimeMs } of pieces) expect(await target.stat(key, signal)).toEqual({ size, mtimeMs });

      const largest = pieces.filter(({ pointId }) => pointId === 'second').sort((a, b) => b.size - a.size);
      for (const { key } of largest) {
        const whole = await getBytes(target, key, 1 << 28, signal);
        await target.put(key, whole.subarray(0, whole.length / 2), {}, signal);
        await expect(engine.recover(second, signal), key).rejects.toMatchObject({ code: 'archive-damaged' });
        await target.put(key, whole, {}, signal);
      }
    });

    test('excluded is left out, an include that is missing is named, two that overlap are stored once', async ({
      signal,
    }) => {
      await using own = await place();
      const source = await own.directory('source');
      for (const path of ['keep/a', 'keep/b.tmp', 'keep/junk/z', 'keep/xjunk', 'cache/deep/x', 'other/y']) {
        await mkdir(join(source, path, '..'), { recursive: true });
        await writeFile(join(source, path), path);
      }
      const engine = open();
      const exclude = [`${source}/cache/*`, '*.tmp', 'junk', `${source}/other`];
      const job = backupJob(memoryTarget('engine', new Map()), [`${source}/keep`, `${source}/gone`, source], {
        exclude,
      });
      const { stored } = await engine.backup(job, signal);
      const paths = (await Array.fromAsync(engine.entries({ ...job, stored }, signal))).map(({ path }) => `/${path}`);
      expect(paths).toEqual([source, ...['cache', 'keep', 'keep/a', 'keep/xjunk'].map((path) => `${source}/${path}`)]);
      const missing = backupJob(job.target, [`${source}/keep`, '/not/there']);
      const { findings } = await engine.backup(missing, signal);
      expect(findings).toEqual([{ subject: '/not/there', problem: expect.stringContaining('No such file') }]);
      await expect(engine.backup({ ...missing, include: ['/not/there'] }, signal)).rejects.toMatchObject({
        code: 'not-found',
      });
    });

    test('paths left out are taken literally, whatever characters they hold', async ({ signal }) => {
      await using own = await place();
      const source = await own.directory('b[1] *');
      const names = ['in', 'in?', 'inx', 'a\\*', 'a\\b', 'a*', 'x/in', 'n\nl'];
      for (const name of names) {
        await mkdir(join(source, name), { recursive: true });
        await writeFile(join(source, name, 'file'), 'x');
      }
      const engine = open();
      const job = backupJob(memoryTarget('engine', new Map()), [source], {
        leaveOut: ['in', 'in?', 'a\\*', 'n\nl'].map((name) => join(source, name)),
        exclude: ['fil?'],
      });
      const { stored } = await engine.backup(job, signal);
      const paths = (await Array.fromAsync(engine.entries({ ...job, stored }, signal))).map(({ path }) => `/${path}`);
      const kept = ['a*', 'a\\b', 'inx', 'x', 'x/in'].map((name) => join(source, name));
      expect(paths.sort()).toEqual([source, ...kept].sort());
    });

    test('progress moves while one big file is stored', async ({ signal }) => {
      await using own = await place();
      const source = await own.directory('source');
      const size = 16 << 20;
      await writeFile(join(source, 'big'), Buffer.alloc(size, 'x'));
      const seen: Progress[] = [];
      const job = backupJob(memoryTarget('engine', new Map()), [source], {
        onProgress: (progress) => seen.push(progress),
      });
      await open().backup(job, signal);
      const bytes = seen.map(({ doneBytes }) => doneBytes);
      expect(bytes.filter((done) => done > 0 && done < size).length).toBeGreaterThan(4);
      expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
      expect(seen.at(-1)).toEqual({ doneBytes: size, totalBytes: size, entries: 2 });
    });

    test('sockets are left out without a finding', async ({ signal }) => {
      await using own = await place();
      const source = await own.directory('source');
      await using server = createServer();
      server.listen(join(source, 'socket'));
      await once(server, 'listening');
      const { findings, entries } = await open().backup(backupJob(memoryTarget('engine', new Map()), [source]), signal);
      expect({ findings, entries }).toEqual({ findings: [], entries: 1 });
    });

    test.runIf(isRoot)('a disk that runs full ends a restore with that error', async ({ signal }) => {
      await using own = await place();
      const source = await own.directory('source');
      await writeFile(join(source, 'big'), Buffer.alloc(4 << 20, 'x'));
      await writeFile(join(source, 'bigger'), Buffer.alloc(4 << 20, 'y'));
      const engine = open();
      const job = backupJob(memoryTarget('engine', new Map()), [source]);
      const { stored } = await engine.backup(job, signal);
      const directory = await own.directory('restored');
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', directory]);
      try {
        await expect(engine.restore({ ...job, stored, paths: [], directory }, signal)).rejects.toMatchObject({
          code: 'no-space',
          message: expect.stringContaining(directory),
          hint: expect.stringContaining('8.0 MiB'),
        });
      } finally {
        execFileSync('umount', [directory]);
      }
    });

    test('an abort midway leaves nothing in the target', async ({ signal }) => {
      await using own = await place();
      await using target = await openFileTarget(await own.directory('repository'), {}, signal);
      const source = await own.directory('source');
      await writeFile(join(source, 'file'), Buffer.alloc(64 << 20, 'x'));
      const stop = new AbortController();
      const job = backupJob(target, [source], { onProgress: () => stop.abort() });
      await expect(open().backup(job, stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
      expect(await keysOf(target, signal)).toEqual([]);
    });

    test.runIf(isRoot)('what cannot be read is named, the rest is stored', async ({ signal }) => {
      await using own = await place();
      await chmod(own.path, 0o755);
      const source = await own.directory('source');
      await writeFile(join(source, 'open'), 'x');
      await writeFile(join(source, 'secret'), 'x', { mode: 0o600 });
      const host = localHost();
      const asNobody: BackupJob['host'] = {
        ...host,
        stream: (argv, options, stop) =>
          host.stream(
            ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all', ...argv],
            options,
            stop,
          ),
      };
      const engine = open();
      const job = backupJob(memoryTarget('engine', new Map()), [source], { host: asNobody });
      const { findings, entries } = await engine.backup(job, signal);
      expect(findings).toEqual([{ subject: `${source}/secret`, problem: 'Cannot open: Permission denied' }]);
      expect(entries).toBe(2);
    });

    test('a concurrent process that swaps directories for symlinks cannot lead a restore outside', async ({
      signal,
    }) => {
      await using own = await place();
      const source = await own.directory('source');
      for (let index = 0; index < 4000; index++) {
        await mkdir(join(source, `d${index % 20}`), { recursive: true });
        await writeFile(join(source, `d${index % 20}`, `f${index}`), 'x');
      }
      const outside = await own.directory('outside');
      const directory = await own.directory('restored');
      const engine = open();
      const job = backupJob(memoryTarget('engine', new Map()), [source]);
      const { stored } = await engine.backup(job, signal);
      const script = `import os,sys
top,out=sys.argv[1:]
print('ready',flush=True)
while True:
  for i in range(20):
    d=top+'/d%d'%i
    try:
      os.rename(d,d+'.was'); os.symlink(out,d)
    except OSError: pass`;
      const swapping = spawn('python3', ['-c', script, join(directory, source), outside], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await once(swapping.stdout, 'data');
      try {
        const outcome = await engine
          .restore({ ...job, stored, paths: [], directory }, signal)
          .catch((error: Error) => error);
        expect(outcome instanceof Error || outcome.findings.length > 0).toBe(true);
      } finally {
        swapping.kill('SIGKILL');
      }
      expect(await readdir(outside)).toEqual([]);
    });
  });
}
