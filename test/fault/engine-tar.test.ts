/** Bad days of the engine `tar`: damaged and malicious archives, files that change while they are read, full targets. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { appendFile, chmod, chown, link, mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackupJob, VerifyJob } from '../../src/engine/engine.ts';
import { openEngine } from '../../src/engine/engines.ts';
import type { Entry } from '../../src/engine/entry.ts';
import { ManifestWriter } from '../../src/engine/tar/manifest.ts';
import { compareWith } from '../../src/engine/restore/compare.ts';
import { ArchiveReader } from '../../src/engine/tar/reader.ts';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { LifeboatError } from '../../src/kernel/errors.ts';
import { AT_FDCWD, utimensat } from '../../src/native/file.ts';
import { setXattr } from '../../src/native/xattr.ts';
import { openFileTarget } from '../../src/target/file/file.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import { chunksOf, getBytes, type Target } from '../../src/target/target.ts';
import { backupJob, isRoot, keysOf, makeNastyTree, oracle, type Place, place } from '../conformance/engine.ts';

const engine = openEngine('tar');
const archiveKey = 'tar/web1/20260102T030405Z-abcdef.tar.zst';
const manifestKey = 'tar/web1/20260102T030405Z-abcdef.manifest.zst';

function memory(): Target {
  return memoryTarget('engine', new Map());
}

/** Equal pseudo-random numbers in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe('damage', () => {
  let at: Place;
  let target: Target;
  let job: VerifyJob & BackupJob;
  const signal = AbortSignal.timeout(100_000);

  beforeAll(async () => {
    at = await place();
    const source = await at.directory('source');
    const random = numbers(7);
    for (let index = 0; index < 60; index++) {
      await writeFile(
        join(source, `f${index}`),
        Uint8Array.from({ length: 20_000 }, () => random.next().value * 256),
      );
    }
    await writeFile(join(source, 'text'), 'all work and no play\n'.repeat(5000));
    target = memory();
    const base = backupJob(target, [source]);
    job = { ...base, stored: (await engine.backup(base, signal)).stored };
  });
  afterAll(() => at[Symbol.asyncDispose]());

  async function verifying(key: string, change: (bytes: Buffer) => Buffer | undefined) {
    const original = await getBytes(target, key, 1 << 28, signal);
    const changed = change(Buffer.from(original));
    if (changed === undefined) await target.remove(key, signal);
    else await target.put(key, changed, {}, signal);
    try {
      return await engine.verify(job, signal);
    } finally {
      await target.put(key, original, {}, signal);
    }
  }

  test.for([archiveKey, manifestKey])('a flipped bit anywhere in %s is found', async (key) => {
    const random = numbers(42);
    for (let round = 0; round < 60; round++) {
      const flipped = await verifying(key, (bytes) => {
        const index = Math.floor(random.next().value * bytes.length);
        bytes[index] = (bytes[index] ?? 0) ^ (1 << (round % 8));
        return bytes;
      });
      expect(flipped.damage, `round ${round}`).not.toEqual([]);
    }
    expect((await engine.verify(job, signal)).damage).toEqual([]);
  });

  test.for([archiveKey, manifestKey])('%s cut off, longer or missing is found', async (key) => {
    for (const part of [0, 0.001, 0.3, 0.7, 0.999]) {
      const cut = await verifying(key, (bytes) => bytes.subarray(0, Math.floor(bytes.length * part)));
      expect(cut.damage, `${part}`).not.toEqual([]);
    }
    expect((await verifying(key, (bytes) => bytes.subarray(0, -1))).damage).not.toEqual([]);
    expect((await verifying(key, (bytes) => Buffer.concat([bytes, Buffer.of(0)]))).damage).not.toEqual([]);
    expect((await verifying(key, () => undefined)).damage).toContainEqual({
      subject: key,
      problem: expect.stringContaining('missing'),
    });
  });

  test('a cut archive names the first file that it lacks, and does not restore', async () => {
    const { damage } = await verifying(archiveKey, (bytes) => bytes.subarray(0, bytes.length / 2));
    expect(damage[0]?.subject).toMatch(/\/source\/f\d+$/);
    const whole = await getBytes(target, archiveKey, 1 << 28, signal);
    await target.put(archiveKey, whole.subarray(0, whole.length / 2), {}, signal);
    const directory = await at.directory('restored');
    await expect(engine.restore({ ...job, paths: [], directory }, signal)).rejects.toMatchObject({
      code: 'archive-damaged',
      message: expect.stringMatching(/\/source\/f\d+/),
    });
    await target.put(archiveKey, whole, {}, signal);
  });

  test('a newer format is refused', async () => {
    const stored = { format: 'lifeboat.tar/3' };
    await expect(engine.verify({ ...job, stored }, signal)).rejects.toMatchObject({ code: 'newer-format' });
  });
});

test('plain zstd and tar restore the same', async ({ signal }) => {
  await using at = await place();
  const tree = await at.directory('tree');
  makeNastyTree(tree);
  const target = memory();
  await engine.backup(backupJob(target, [tree]), signal);
  await writeFile(join(at.path, 'a.tar.zst'), await getBytes(target, archiveKey, 1 << 28, signal));
  const directory = await at.directory('restored');
  const command = `zstd -qdc ../a.tar.zst | tar -x -p --numeric-owner --xattrs --xattrs-include='*' --warning=no-timestamp`;
  execFileSync('bash', ['-o', 'pipefail', '-c', command], { cwd: directory });
  expect(oracle(join(directory, tree))).toEqual(oracle(tree));
});

test('the root of a point is restored to the directory itself, also where that was otherwise', async ({ signal }) => {
  await using at = await place();
  const tree = await at.directory('tree');
  makeNastyTree(tree);
  await chmod(tree, 0o751);
  setXattr(tree, 'user.root', Buffer.from('x'));
  utimensat(AT_FDCWD, tree, undefined, 987_654_321_123_456_789n, true);
  if (isRoot) await chown(tree, 1234, 5678);
  const base = backupJob(memory(), ['/']);
  // Of a host whose root is the tree.
  const host: BackupJob['host'] = {
    ...base.host,
    stream(argv, options, stop) {
      const [program, ...args] = argv.map((arg) => (arg === '--directory=/' ? `--directory=${tree}` : arg));
      const running = base.host.stream(
        [program ?? '', ...args],
        { ...options, ...(finds(argv) ? { stdin: Buffer.from(`${tree}\0`) } : {}) },
        stop,
      );
      return finds(argv) ? { ...running, stdout: below(running.stdout) } : running;
    },
  };
  const finds = (argv: readonly string[]) => argv.includes('find');
  async function* below(records: AsyncIterable<Uint8Array>) {
    const text = Buffer.concat(await Array.fromAsync(records)).toString('latin1');
    yield Buffer.from(text.replaceAll(`\0${tree}\0`, '\0/\0').replaceAll(`\0${tree}/`, '\0/'), 'latin1');
  }
  const { stored } = await engine.backup({ ...base, host }, signal);
  for (const paths of [[], ['/x']]) {
    const directory = await at.directory(`restored${paths.length}`);
    await chmod(directory, 0o700);
    expect((await engine.restore({ ...base, stored, paths, directory }, signal)).findings).toEqual([]);
    expect(oracle(directory)[0]).toEqual(oracle(tree)[0]);
  }
  expect(oracle(join(at.path, 'restored0'))).toEqual(oracle(tree));
});

describe('malicious archives', () => {
  const attacks = {
    'a name with ..': `add('../evil')`,
    'an absolute name': `add('/tmp/lifeboat-evil')`,
    'a hard link to outside': `add('l', t.LNKTYPE, OUT + '/kept'); add('l')`,
    'a hard link upwards': `add('l', t.LNKTYPE, '../outside/kept'); add('l')`,
  };
  // As when a directory becomes a symlink between the walk and tar: the rest of the point is good.
  const leftOut = {
    'a file through a symlink': `add('d', t.SYMTYPE, OUT); add('d/evil'); add('good')`,
    'a symlink over a directory': `add('d', t.DIRTYPE); add('d', t.SYMTYPE, OUT); add('d/evil'); add('good')`,
    'a hard link through a symlink': `add('d', t.SYMTYPE, OUT); add('l', t.LNKTYPE, 'd/kept'); add('good')`,
  };
  test.for(Object.entries(attacks))('%s is refused and nothing outside is touched', async ([, calls], { signal }) => {
    await using at = await place();
    await expect(attack(at, calls, signal)).rejects.toMatchObject({ code: 'archive-unsafe' });
    expect((await readdir(at.path)).sort()).toEqual(['outside', 'restored']);
  });

  test.for(Object.entries(leftOut))(
    '%s is left out with a finding, the rest is restored',
    async ([, calls], { signal }) => {
      await using at = await place();
      expect((await attack(at, calls, signal)).findings).toContainEqual({
        subject: '/d',
        problem: expect.stringContaining('1 entry not restored'),
      });
      expect((await readdir(join(at.path, 'restored'))).sort()).toEqual(['d', 'good']);
    },
  );

  async function attack(at: Place, calls: string, signal: AbortSignal) {
    const outside = await at.directory('outside');
    await writeFile(join(outside, 'kept'), 'kept');
    const script = `import tarfile as t,io,sys
OUT=sys.argv[1]; a=t.open(fileobj=sys.stdout.buffer, mode='w|', format=t.PAX_FORMAT)
def add(name, type=t.REGTYPE, link=''):
  i=t.TarInfo(name); i.type=type; i.linkname=link; i.size=4 if type==t.REGTYPE else 0
  a.addfile(i, io.BytesIO(b'evil'))
${calls}
a.close()`;
    const target = memory();
    const stored = await storeArchive(target, execFileSync('python3', ['-c', script, outside]), signal);
    const directory = await at.directory('restored');
    const job = { ...backupJob(target, []), stored, paths: [], directory };
    try {
      return await engine.restore(job, signal);
    } finally {
      expect(await readdir(outside)).toEqual(['kept']);
      expect(execFileSync('cat', [join(outside, 'kept')]).toString()).toBe('kept');
    }
  }

  /** As `backup` would have stored it. */
  async function storeArchive(target: Target, archive: Buffer, signal: AbortSignal) {
    const entries: Entry[] = [];
    const reader = new ArchiveReader({ end: (entry) => entries.push(entry) });
    await reader.push(archive);
    const put = async (key: string, bytes: Buffer) => {
      await target.put(key, bytes, {}, signal);
      return { key, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
    };
    const stored = await put(archiveKey, zstdCompressSync(archive));
    const writer = new ManifestWriter({});
    for (const entry of entries) writer.add(entry);
    const counts = { entries: entries.length, bytes: entries.reduce((sum, { size }) => sum + size, 0) };
    const manifest = await put(manifestKey, await writer.finish({ ...counts, archive: stored }));
    return { format: 'lifeboat.tar/1', archive: stored, manifest, ...counts };
  }
});

test('a path that is too long where it is restored to is named, the rest is restored', async ({ signal }) => {
  await using at = await place();
  const source = await at.directory('source');
  const long = 'l'.repeat(250);
  for (const name of ['a', long, 'z']) await writeFile(join(source, name), name);
  await link(join(source, long), join(source, `${long}2`));
  const base = backupJob(memory(), [source]);
  const { stored } = await engine.backup(base, signal);
  let directory = at.path;
  while (directory.length + source.length < 3900) directory = join(directory, 'd'.repeat(100));
  await mkdir(directory, { recursive: true });
  const job = { ...base, stored, paths: [], directory };
  const { findings } = await engine.restore(job, signal);
  expect(findings).toMatchObject([long, `${long}2`].map((name) => ({ subject: join(source, name) })));
  expect((await readdir(join(directory, source))).sort()).toEqual(['a', 'z']);
  const options = { directory, root: false, onProgress: () => undefined };
  const everything = { has: () => true, chose: () => true };
  const { changes } = await compareWith(engine.entries(job, signal), everything, options, signal);
  expect(changes.get(join(source, long).slice(1))).toEqual({ action: 'create' });
});

describe('a source that changes while it is read', () => {
  test('a directory, such as /sys, of which only its attributes are read, is no finding', async ({ signal }) => {
    await using at = await place();
    const source = await at.directory('source');
    await mkdir(join(source, 'mounted'));
    await writeFile(join(source, 'file'), 'x');
    const base = backupJob(memory(), [source], {});
    const host: BackupJob['host'] = {
      ...base.host,
      stream(argv, options, stop) {
        // What tar says where the kernel changes a directory between two looks at it.
        if (argv.includes('--create')) {
          for (const name of ['mounted', 'file']) {
            options.onStderrLine?.(`tar: "${join(source, name).slice(1)}": file changed as we read it`);
          }
        }
        return base.host.stream(argv, options, stop);
      },
    };
    const { findings } = await engine.backup({ ...base, host }, signal);
    expect(findings).toEqual([{ subject: join(source, 'file'), problem: 'file changed as we read it' }]);
  });
  const changes = {
    shrinks: [async (file: string) => truncate(file, 40 << 20), 'big', /shrank by \d+ bytes/],
    grows: [async (file: string) => appendFile(file, 'more'), 'big', /file changed as we read it/],
  } as const;
  test.for(Object.entries(changes))(
    'a file that %s is named and the point is sound',
    async ([, [change, name, problem]], { signal }) => {
      await using at = await place();
      const source = await at.directory('source');
      await writeFile(join(source, 'big'), Buffer.alloc(96 << 20, 'x'));
      await writeFile(join(source, 'zzz'), 'x');
      const inner = memory();
      let changed = false;
      // A target that takes its time: when the first bytes arrive, tar is in the middle of the big file.
      const target: Target = {
        ...inner,
        put: (key, body, options, stop) => inner.put(key, slowed(body), options, stop),
      };
      async function* slowed(body: Parameters<Target['put']>[1]) {
        yield* chunksOf(body);
      }
      const onProgress = () => {
        if (changed) return;
        changed = true;
        pending = change(join(source, 'big'));
      };
      let pending: Promise<void> | undefined;
      const base = backupJob(target, [source], { onProgress });
      const host: BackupJob['host'] = {
        ...base.host,
        stream(argv, options, stop) {
          const running = base.host.stream(argv, options, stop);
          return { finished: running.finished, stdout: paused(running.stdout) };
        },
      };
      async function* paused(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          await pending;
          yield chunk;
        }
      }
      const { stored, findings } = await engine.backup({ ...base, host }, signal);
      expect(findings).toContainEqual({ subject: join(source, name), problem: expect.stringMatching(problem) });
      expect((await engine.verify({ ...base, stored }, signal)).damage).toEqual([]);
      const directory = await at.directory('restored');
      expect((await engine.restore({ ...base, stored, paths: [], directory }, signal)).findings).toEqual([]);
    },
  );
});

test('what vanishes before its turn is a note, and the point is of the moment after', async ({ signal }) => {
  await using at = await place();
  const source = await at.directory('source');
  for (const name of ['a', 'b', 'c']) await writeFile(join(source, name), name);
  const base = backupJob(memory(), [source]);
  const host: BackupJob['host'] = {
    ...base.host,
    stream(argv, options, stop) {
      if (argv[0] === 'tar') rmSync(join(source, 'b'));
      return base.host.stream(argv, options, stop);
    },
  };
  const { stored, findings, notes, entries } = await engine.backup({ ...base, host }, signal);
  expect(findings).toEqual([]);
  expect(notes).toEqual([expect.stringContaining(`1 files vanished before they were read`)]);
  expect(entries).toBe(3);
  expect((await engine.verify({ ...base, stored }, signal)).damage).toEqual([]);
});

test('a target without space: the error comes out and nothing is listed', async ({ signal }) => {
  await using at = await place();
  const source = await at.directory('source');
  await writeFile(join(source, 'big'), Buffer.alloc(8 << 20, 'x'));
  const inner = memory();
  const target: Target = {
    ...inner,
    put: (key, body, options, stop) => inner.put(key, full(body), options, stop),
  };
  async function* full(body: Parameters<Target['put']>[1]) {
    for await (const chunk of chunksOf(body)) {
      yield chunk.subarray(0, 10);
      throw new LifeboatError('no-space', 'no space left');
    }
  }
  await expect(engine.backup(backupJob(target, [source]), signal)).rejects.toMatchObject({ code: 'no-space' });
  expect(await keysOf(target, signal)).toEqual([]);
});

test('who asks for flags ends with a backup that fails before', async ({ signal }) => {
  await using at = await place();
  const source = await at.directory('source');
  await writeFile(join(source, 'large'), randomBytes(24 * 1024 * 1024));
  const host = localHost();
  let asking: Promise<unknown> | undefined;
  const patient: Host = {
    ...host,
    stream(argv, options, stop) {
      if (!argv.includes('lsattr') && !argv[0].endsWith('/flags')) return host.stream(argv, options, stop);
      const running = host.stream(['sleep', '60'], {}, stop);
      asking = running.finished;
      return running;
    },
  };
  const target: Target = {
    ...memory(),
    async put(_, body) {
      for await (const _ of chunksOf(body)) throw new LifeboatError('no-space', 'full');
      return { size: 0 };
    },
  };
  const job = backupJob(target, [source], { host: patient });
  await expect(engine.backup(job, signal)).rejects.toMatchObject({ code: 'no-space' });
  const ended = Promise.resolve(asking).catch(() => 'ended');
  expect(await Promise.race([ended, delay(10_000, 'still runs')])).toBe('ended');
});

test.runIf(isRoot)('a filesystem that is really full', async ({ signal }) => {
  await using at = await place();
  const source = await at.directory('source');
  await writeFile(join(source, 'big'), randomBytes(8 << 20));
  const repository = await at.directory('repository');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', repository]);
  try {
    await using target = await openFileTarget(repository, {}, signal);
    await expect(engine.backup(backupJob(target, [source]), signal)).rejects.toMatchObject({ code: 'no-space' });
    expect(await keysOf(target, signal)).toEqual([]);
  } finally {
    execFileSync('umount', [repository]);
  }
});

test('a tar that is killed, or says what is not understood, fails the backup and leaves nothing', async ({
  signal,
}) => {
  await using at = await place();
  const source = await at.directory('source');
  await mkdir(join(source, 'd'));
  const fakes = ['tar "$@"; kill -9 $$', 'tar "$@"; echo "tar: something new" >&2; exit 2', 'tar "$@" | head -c 600'];
  for (const script of fakes) {
    const target = memory();
    const base = backupJob(target, [source]);
    const host: BackupJob['host'] = {
      ...base.host,
      stream: ([, ...args], options, stop) => base.host.stream(['sh', '-c', script, 'sh', ...args], options, stop),
    };
    await expect(engine.backup({ ...base, host }, signal)).rejects.toThrow(/failed with exit code|is damaged/);
    expect(await keysOf(target, signal)).toEqual([]);
  }
});
