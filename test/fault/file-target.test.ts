/** Real faults under the file target: a filesystem that runs full, and a writer that is killed. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { read, sampleBytes } from '../../src/target/conformance/case.ts';
import { openFileTarget } from '../../src/target/file/file.ts';
import { getBytes } from '../../src/target/target.ts';

const run = promisify(execFile);
let scratch = '';

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lifeboat-fault-'));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

async function mountTmpfs(at: string): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at]);
}

async function mountExt4(at: string): Promise<void> {
  const image = `${at}.img`;
  await writeFile(image, '');
  await truncate(image, 4 * 1024 * 1024);
  await run('mkfs.ext4', ['-q', '-F', image]);
  await run('mount', ['-o', 'loop', image, at]);
}

test.for([
  ['tmpfs', mountTmpfs],
  ['ext4', mountExt4],
] as const)('a full %s keeps the old object and leaves no rest', async ([name, mount], { skip, signal }) => {
  if (process.getuid?.() !== 0) skip('only root can mount');
  const root = join(scratch, name);
  await mkdir(root);
  try {
    await mount(root);
  } catch (error) {
    skip(`cannot mount ${name} here: ${String(error)}`);
  }
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await run('umount', [root]);
  });
  await using target = await openFileTarget(root, {}, signal);
  const old = sampleBytes(300_000);
  await target.put('dir/object', old, {}, signal);

  async function* large() {
    for (let index = 0; index < 100; index += 1) yield sampleBytes(65_536, index);
  }
  for (const key of ['dir/object', 'dir/new']) {
    for (const ifAbsent of key === 'dir/new' ? [true, false] : [false]) {
      await expect(target.put(key, large(), { ifAbsent }, signal)).rejects.toMatchObject({ code: 'no-space' });
    }
  }
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
  expect((await getBytes(target, 'dir/object', 1_000_000, signal)).equals(old)).toBe(true);
  expect(await target.stat('dir/new', signal)).toBeUndefined();
  // Room for as much as before: nothing of the failed ones is left.
  await target.put('dir/new', sampleBytes(300_000, 2), {}, signal);
});

test('a writer that is killed leaves whole objects, and all that it was told are stored', async ({ signal }) => {
  const root = join(scratch, 'killed');
  await mkdir(root);
  let state = 20_261_120;
  for (let round = 1; round <= 30; round += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const acknowledged = await killedAfter(root, round, (state >>> 8) % 60_000);
    await using target = await openFileTarget(root, {}, signal);
    const listed = new Map<string, number>();
    for await (const { key, size } of target.list('', signal)) {
      const bytes = await read(target, key, undefined, signal);
      expect(bytes.length, key).toBe(size);
      expect(createHash('sha256').update(bytes.subarray(36)).digest().equals(bytes.subarray(4, 36)), key).toBe(true);
      listed.set(key, bytes.readUInt32BE(0));
    }
    for (let number = 1; number <= acknowledged; number += 1) {
      expect(listed.get(`dir/${round}/${number}`), `round ${round}`).toBe(number);
    }
    expect(listed.get('dir/replaced') ?? 0).toBeGreaterThanOrEqual(acknowledged);
    for (const key of listed.keys()) if (key !== 'dir/replaced') await target.remove(key, signal);
    await target.put('dir/replaced', Buffer.concat([Buffer.alloc(4), createHash('sha256').digest()]), {}, signal);
    expect(await readdir(join(root, '.tmp')), 'the next writer sweeps').toEqual([]);
  }
});

/** Runs a writer, kills it so many microseconds after its first acknowledgement, and gives the last one. */
async function killedAfter(root: string, seed: number, microseconds: number): Promise<number> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'put-child.ts'), root, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const closed = once(child, 'close');
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await Promise.race([once(child.stdout, 'data'), exited]);
  const until = performance.now() + microseconds / 1000;
  while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
  child.kill('SIGKILL');
  expect(await exited).toEqual([null, 'SIGKILL']);
  await closed;
  return output.split('\n').length - 1;
}
