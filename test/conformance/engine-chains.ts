/** What every engine owes that makes incremental points: a chain of points restores as each of them was made. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { identityFrom } from '../../src/age/age.ts';
import { type Sealing, unsealed } from '../../src/age/keys.ts';
import type { BackupJob, BackupResult, Engine } from '../../src/engine/engine.ts';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import type { Json } from '../../src/kernel/json.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import { backupJob, isRoot, keysOf, makeNastyTree, oracle, place } from './engine.ts';

/** Whose clock is ahead, by default an hour, so that no file is so young that a further change might not be told by its times. */
export function laterHost(seconds = 3600): Host {
  const host = localHost();
  return {
    ...host,
    async run(argv, options, signal) {
      const result = await host.run(argv, options, signal);
      if (argv[0] !== 'date') return result;
      return { ...result, stdout: Buffer.from(String(Number(result.stdout.toString()) + seconds)) };
    },
  };
}

function sealing(): Sealing {
  const identity = identityFrom(randomBytes(32));
  return { recipients: [identity.recipient], identities: [identity] };
}

type Made = BackupJob & { readonly stored: Json; readonly result: BackupResult };

/** Points one after the other, of one directory. */
function chain(engine: Engine, first: BackupJob, signal: AbortSignal) {
  const points: Made[] = [];
  return {
    points,
    async next(more: Partial<BackupJob> = {}): Promise<Made> {
      const before = points.at(-1);
      const base = before === undefined ? {} : { base: { pointId: before.pointId, stored: before.stored } };
      const job = { ...first, ...base, pointId: `point-${points.length}`, ...more };
      const result = await engine.backup(job, signal);
      const made = { ...job, result, stored: result.stored };
      points.push(made);
      return made;
    },
  };
}

const edits: Readonly<Record<string, readonly [script: string, added: number, changed: number, removed: number]>> = {
  nothing: [':', 0, 0, 0],
  'a file that is new': ['echo x > d/new', 1, 1, 0],
  'a file that grows': ['echo more >> d/a', 0, 1, 0],
  'content of the same length with the time put back': [
    'touch -r d/a ref && echo Hello > d/a && touch -r ref d/a && rm ref',
    0,
    2,
    0,
  ],
  'a file that is gone': ['rm d/a', 0, 1, 1],
  'a file under another name': ['mv d/a d/b', 1, 1, 1],
  'another mode': ['chmod 600 d/a', 0, 1, 0],
  'another attribute': [`python3 -c "import os; os.setxattr('d/a', 'user.x', b'1')"`, 0, 1, 0],
  'a name more': ['ln d/a d/z', 1, 2, 0],
  'a name less': ['rm l/two', 0, 2, 1],
  'another target of a link': ['ln -sfn elsewhere s', 0, 2, 0],
  'a directory in place of a file': ['rm d/a && mkdir d/a && echo x > d/a/in', 1, 2, 0],
  'a file in place of a directory': ['rm -r d && echo x > d', 0, 2, 1],
  'a directory under another name': ['mv d e', 2, 1, 2],
  'a hole in a sparse file': ['truncate -s 8M sparse', 0, 1, 0],
  'a pipe': ['mkfifo p', 1, 1, 0],
};

export function describeChains(name: string, { open }: { open: () => Engine }): void {
  describe(`engine ${name}: incremental points`, () => {
    test.for(Object.entries(edits))('%s', async ([, [script, added, changed, removed]], { signal }) => {
      await using at = await place();
      const source = await at.directory('source');
      const run = (text: string) => execFileSync('bash', ['-ec', text], { cwd: source });
      run(
        'mkdir d l && echo hello > d/a && echo one > l/one && ln l/one l/two && ln -s nowhere s && truncate -s 4M sparse && echo x >> sparse',
      );
      const job = backupJob(memoryTarget('engine', new Map()), [source], { host: laterHost(), sealing: sealing() });
      const engine = open();
      const made = chain(engine, job, signal);
      const before = oracle(source);
      await made.next();
      run(script);
      const { result, ...second } = await made.next();
      expect(result.changes).toEqual({ added, changed, removed });
      expect(result.base).toBe('point-0');
      expect(engine.references(result.stored)).toEqual(['point-0']);
      expect(await engine.verify(second, signal)).toMatchObject({
        damage: [],
        entries: result.entries,
        bytes: result.bytes,
      });
      for (const [index, expected] of [before, oracle(source)].entries()) {
        const directory = await at.directory(`restored-${index}`);
        const point = made.points[index];
        if (point === undefined) throw new Error('no point');
        expect((await engine.restore({ ...point, paths: [], directory }, signal)).findings).toEqual([]);
        expect(oracle(join(directory, source))).toEqual(expected);
      }
    });

    test('everything a filesystem holds is referred to, not stored again', async ({ signal }) => {
      await using at = await place();
      const tree = await at.directory('tree');
      makeNastyTree(tree);
      const job = backupJob(memoryTarget('engine', new Map()), [tree], { host: laterHost() });
      const engine = open();
      const made = chain(engine, job, signal);
      const full = await made.next();
      const { result, ...second } = await made.next();
      expect(result.changes).toEqual({ added: 0, changed: 0, removed: 0 });
      expect({ entries: result.entries, bytes: result.bytes }).toEqual({
        entries: full.result.entries,
        bytes: full.result.bytes,
      });
      expect(sizeOfArchive(result)).toBeLessThan(100);
      const directory = await at.directory('restored');
      expect((await engine.restore({ ...second, paths: [], directory }, signal)).findings).toEqual([]);
      expect(oracle(join(directory, tree))).toEqual(oracle(tree));
    });

    test.runIf(isRoot)('flags of chattr are in the point, and go with what is referred to', async ({ signal }) => {
      await using at = await place();
      const source = await at.directory('source');
      execFileSync('bash', ['-ec', 'touch a b c; mkdir d; chattr +i a; chattr +A b; chattr +d d'], { cwd: source });
      try {
        const engine = open();
        const made = chain(
          engine,
          backupJob(memoryTarget('engine', new Map()), [source], { host: laterHost() }),
          signal,
        );
        await made.next();
        execFileSync('chattr', ['+aA', join(source, 'c')]);
        const point = await made.next();
        expect(point.result.changes).toEqual({ added: 0, changed: 1, removed: 0 });
        const entries = await Array.fromAsync(engine.entries(point, signal));
        const flags = entries.map(({ path, flags: letters }) => [path.slice(source.length), letters]);
        expect(flags).toEqual([
          ['', undefined],
          ['a', 'i'],
          ['b', 'A'],
          ['c', 'aA'],
          ['d', 'd'],
        ]);
      } finally {
        execFileSync('chattr', ['-R', '-iaAd', source]);
      }
    });

    test('a file whose last change is so young that another might not be told by its times is stored again', async ({
      signal,
    }) => {
      await using at = await place();
      const source = await at.directory('source');
      await writeFile(join(source, 'young'), 'x');
      const made = chain(open(), backupJob(memoryTarget('engine', new Map()), [source]), signal);
      await made.next();
      const { result } = await made.next();
      expect(result.changes).toEqual({ added: 0, changed: 2, removed: 0 });
      expect(result.base).toBeUndefined();
    });

    test('a change without a trace in size and times is found by hash only, and told', async ({ signal }) => {
      await using at = await place();
      const source = await at.directory('source');
      for (const name of ['same', 'new\nline', 'rot']) await writeFile(join(source, name), 'before');
      execFileSync('touch', ['-d', '@1000000000', join(source, 'rot')]);
      const host = laterHost();
      // As of a disk that has lost bits: inodes that say nothing of it.
      const still: Host = {
        ...host,
        stream(argv, options, stop) {
          const running = host.stream(argv, options, stop);
          return argv.includes('find') ? { ...running, stdout: oneTime(running.stdout) } : running;
        },
      };
      async function* oneTime(records: AsyncIterable<Uint8Array>) {
        const text = Buffer.concat(await Array.fromAsync(records)).toString('latin1');
        yield Buffer.from(text.replace(/ (\d+\.\d+) \d+\.\d+ (\d+:\d+ \d+\0)/g, ' $1 1.5 $2'), 'latin1');
      }
      const made = chain(open(), backupJob(memoryTarget('engine', new Map()), [source], { host: still }), signal);
      await made.next();
      await writeFile(join(source, 'rot'), 'rotten');
      execFileSync('touch', ['-d', '@1000000000', join(source, 'rot')]);
      expect((await made.next()).result.changes).toEqual({ added: 0, changed: 0, removed: 0 });
      const { result, ...third } = await made.next({ compare: 'hash' });
      expect(result.changes).toEqual({ added: 0, changed: 1, removed: 0 });
      expect(result.notes).toEqual([expect.stringContaining(`${source}/rot: its content is another`)]);
      const directory = await at.directory('restored');
      await open().restore({ ...third, paths: [], directory }, signal);
      expect(execFileSync('cat', [join(directory, source, 'rot')]).toString()).toBe('rotten');
    });

    test('without what the base stored, or a list of it, the point is a full one and says why', async ({ signal }) => {
      await using at = await place();
      const source = await at.directory('source');
      await writeFile(join(source, 'file'), 'x'.repeat(5000));
      const indexDirectory = join(at.path, 'index');
      const target = memoryTarget('engine', new Map());
      const keys = sealing();
      const job = backupJob(target, [source], { host: laterHost(), sealing: keys, indexDirectory });
      const made = chain(open(), job, signal);
      const { result } = await made.next();
      const [archive, manifest] = (await keysOf(target, signal)).toSorted((a, b) => a.length - b.length);
      const indices = async () => (await readdir(join(indexDirectory, 'web1'))).sort();
      expect((await stat(join(indexDirectory, 'web1'))).mode & 0o777).toBe(0o700);
      expect(await indices()).toEqual([expect.stringContaining('point-0')]);

      // A host that can only write: it has its own list.
      const writeOnly = { sealing: { recipients: keys.recipients, identities: [] } };
      const base = { base: { pointId: 'point-0', stored: result.stored } };
      const [second, third] = ['20260103T030405Z-abcdef', '20260104T030405Z-abcdef'];
      expect((await made.next({ ...writeOnly, ...base, pointId: second })).result.base).toBe('point-0');
      expect(await indices()).toHaveLength(2);
      expect((await made.next({ ...writeOnly, ...base, pointId: third })).result.base).toBe('point-0');
      expect(await indices()).toEqual([expect.stringContaining(third), expect.stringContaining('point-0')]);

      // Without that it would have to read; with a key it can.
      await rm(indexDirectory, { recursive: true });
      const blind = await made.next({ ...writeOnly, ...base });
      expect(blind.result.base).toBeUndefined();
      expect(blind.result.notes.join('\n')).toMatch(/cannot read its repository.*\n.*a full backup/);
      expect((await made.next({ ...base, pointId: 'seeing' })).result.base).toBe('point-0');

      const bytes = Buffer.concat(await Array.fromAsync(target.get(manifest ?? '', undefined, signal)));
      await target.put(manifest ?? '', bytes.subarray(0, -9), {}, signal);
      await rm(indexDirectory, { recursive: true });
      const damaged = await made.next({ ...base, pointId: 'damaged' });
      expect(damaged.result.base).toBeUndefined();
      expect(damaged.result.notes.join('\n')).toMatch(/is not what was stored\n.*a full backup/);
      await target.put(manifest ?? '', bytes, {}, signal);
      await target.remove(archive ?? '', signal);
      const lost = await made.next({ ...base, pointId: 'lost' });
      expect(lost.result.base).toBeUndefined();
      expect(lost.result.notes.join('\n')).toMatch(/a full backup: tar\/web1\/point-0.* is missing/);
      expect((await open().verify(lost, signal)).damage).toEqual([]);
    });

    test('verify reads the chain, or sees that it is there; without a key it reads ciphertext', async ({ signal }) => {
      await using at = await place();
      const source = await at.directory('source');
      await writeFile(join(source, 'file'), randomBytes(100_000));
      const target = memoryTarget('engine', new Map());
      const engine = open();
      const made = chain(engine, backupJob(target, [source], { host: laterHost(), sealing: sealing() }), signal);
      const { result: full } = await made.next();
      const { result, ...second } = await made.next();
      const blind = { ...second, sealing: { recipients: second.sealing.recipients, identities: [] } };
      const chained = await engine.verify(second, signal);
      expect(chained).toMatchObject({
        damage: [],
        depth: 'content',
        storedBytes: result.storedBytes + sizeOfArchive(full),
      });
      const own = await engine.verify({ ...second, scope: 'own' }, signal);
      expect(own).toMatchObject({ damage: [], depth: 'content', entries: 0, storedBytes: result.storedBytes });
      expect(await engine.verify(blind, signal)).toMatchObject({
        damage: [],
        depth: 'ciphertext',
        storedBytes: chained.storedBytes,
      });

      const inPart = async () => {
        const enough = new AbortController();
        return await engine.verify({ ...second, until: enough.signal, onProgress: () => enough.abort() }, signal);
      };
      expect(await inPart()).toMatchObject({ partial: true, damage: [] });

      const [archive = ''] = (await keysOf(target, signal)).filter((key) => key.includes('point-0.tar'));
      const bytes = Buffer.concat(await Array.fromAsync(target.get(archive, undefined, signal)));
      const flipped = Buffer.from(bytes);
      flipped[70_000] = (flipped[70_000] ?? 0) ^ 4;
      await target.put(archive, flipped, {}, signal);
      for (const job of [second, blind]) expect((await engine.verify(job, signal)).damage).not.toEqual([]);
      expect((await engine.verify({ ...second, scope: 'own' }, signal)).damage).toEqual([]);
      await target.put(archive, bytes.subarray(1), {}, signal);
      expect((await engine.verify({ ...second, scope: 'own' }, signal)).damage).not.toEqual([]);
      await target.remove(archive, signal);
      for (const scope of ['own', 'chain'] as const) {
        expect((await engine.verify({ ...second, scope }, signal)).damage).toContainEqual({
          subject: archive,
          problem: expect.stringContaining('is missing'),
        });
      }
      // What is not reached is looked for all the same.
      expect((await inPart()).damage).toContainEqual({
        subject: archive,
        problem: expect.stringContaining('is missing'),
      });
    });

    /** Another one makes other edits. */
    const seed = Number(process.env['SEED'] ?? 1);
    test.for([seed, seed + 1, seed + 2])(
      'each point of a chain of random edits restores as it was (SEED=%i)',
      { timeout: 120_000 },
      async (own, { signal }) => {
        await using at = await place();
        const source = await at.directory('source');
        const script = new URL('random-edits.py', import.meta.url).pathname;
        const edit = (round: number) => execFileSync('python3', [script, source, `${own * 100 + round}`]);
        const engine = open();
        const indexDirectory = join(at.path, 'index');
        const more = own % 2 === 0 ? { sealing: sealing(), indexDirectory } : { sealing: unsealed };
        const job = backupJob(memoryTarget('engine', new Map()), [source], { host: laterHost(), ...more });
        const made = chain(engine, job, signal);
        const states: string[][] = [];
        for (let round = 0; round < 5; round++) {
          edit(round);
          states.push(oracle(source));
          const { result, ...point } = await made.next({ compare: round % 2 === 0 ? 'metadata' : 'hash' });
          expect(result.findings).toEqual([]);
          expect((await engine.verify(point, signal)).damage).toEqual([]);
        }
        expect(engine.references(made.points.at(-1)?.stored ?? null).length).toBeGreaterThan(1);
        for (const [index, point] of made.points.entries()) {
          const directory = await at.directory(`restored-${index}`);
          expect((await engine.restore({ ...point, paths: [], directory }, signal)).findings).toEqual([]);
          expect(oracle(join(directory, source)), `point ${index}`).toEqual(states[index]);
        }
      },
    );
  });
}

function sizeOfArchive({ stored }: BackupResult): number {
  const text = JSON.stringify(stored);
  return Number(/"archive":\{"key":"[^"]*","size":(\d+)/.exec(text)?.[1]);
}
