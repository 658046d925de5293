import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keysBelow, read } from '../conformance/case.ts';
import { openFileTarget } from './file.ts';

let root = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-file-'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

const bytes = Buffer.from('bytes');

test('makes a missing root only when told to', async ({ signal }) => {
  const missing = join(root, 'not', 'there');
  await expect(openFileTarget(missing, {}, signal)).rejects.toMatchObject({ code: 'not-found' });
  await expect(stat(missing)).rejects.toThrow();
  await openFileTarget(missing, { create: true }, signal);
  expect((await stat(missing)).mode & 0o777).toBe(0o700);
});

test('refuses a root that is a file', async ({ signal }) => {
  await writeFile(join(root, 'file'), '');
  await expect(openFileTarget(join(root, 'file'), {}, signal)).rejects.toMatchObject({ code: 'target-failed' });
});

test('a root that vanished is an error, not an empty target', async ({ signal }) => {
  const target = await openFileTarget(join(root, 'gone'), { create: true }, signal);
  await rm(join(root, 'gone'), { recursive: true });
  await expect(keysBelow(target, '', signal)).rejects.toMatchObject({ code: 'not-found' });
  await expect(keysBelow(target, 'a/b', signal)).rejects.toMatchObject({ code: 'not-found' });
  await expect(target.put('a/b', bytes, {}, signal)).rejects.toMatchObject({ code: 'not-found' });
  expect(await readdir(root)).toEqual([]);
});

test('only the owner may read what is stored', async ({ signal }) => {
  const target = await openFileTarget(root, {}, signal);
  await target.put('a/b', bytes, {}, signal);
  expect((await stat(join(root, 'a/b'))).mode & 0o777).toBe(0o600);
  for (const name of ['a', '.tmp']) expect((await stat(join(root, name))).mode & 0o777).toBe(0o700);
});

test('reading writes nothing, so a read-only root will do', async ({ signal }) => {
  await writeFile(join(root, 'object'), bytes);
  await chmod(root, 0o500);
  const target = await openFileTarget(root, {}, signal);
  expect(await keysBelow(target, '', signal)).toEqual(['object']);
  expect(await read(target, 'object', undefined, signal)).toEqual(bytes);
  expect(await readdir(root)).toEqual(['object']);
});

test('names that are no keys, links and directories are no objects', async ({ signal }) => {
  await mkdir(join(root, 'lost+found'));
  await mkdir(join(root, 'folder'));
  await writeFile(join(root, 'with space'), bytes);
  await symlink('/etc/passwd', join(root, 'link'));
  const target = await openFileTarget(root, {}, signal);
  expect(await keysBelow(target, '', signal)).toEqual([]);
  for (const key of ['link', 'folder']) {
    expect(await target.stat(key, signal)).toBeUndefined();
    await expect(read(target, key, undefined, signal)).rejects.toMatchObject({ code: 'not-found' });
  }
});

test.each([
  ['a', 'a/b'],
  ['a', 'a/b/c'],
  ['a/b', 'a'],
])('beside %s it refuses %s', async (first, second) => {
  const { signal } = new AbortController();
  const target = await openFileTarget(root, {}, signal);
  await target.put(first, bytes, {}, signal);
  for (const ifAbsent of [false, true]) {
    await expect(target.put(second, bytes, { ifAbsent }, signal)).rejects.toMatchObject({ code: 'usage' });
  }
  expect(await readdir(join(root, '.tmp'))).toEqual([]);
});

test('stores again when somebody removed the directories', async ({ signal }) => {
  const target = await openFileTarget(root, {}, signal);
  await target.put('a/b/c', bytes, {}, signal);
  await rm(join(root, 'a'), { recursive: true });
  await target.put('a/b/c', bytes, {}, signal);
  expect(await keysBelow(target, '', signal)).toEqual(['a/b/c']);
});

test('sweeps what dead processes left, and nothing of living ones', async ({ signal }) => {
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8);
  const living = spawn('sleep', ['60']);
  await once(living, 'spawn');
  const start = (await readFile(`/proc/${living.pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')[19];
  const kept = [`${host}.${boot}.${living.pid}.${start}.0a`, `00000000.${boot}.1.1.0a`, 'odd'];
  const stale = [
    `${host}.${boot}.${living.pid}.1.0b`,
    `${host}.${boot}.4194305.5.0b`,
    `${host}.00000000.1.1.0b`,
    `00000000.${boot}.1.1.0b`,
    'odd-and-old',
  ];
  await mkdir(join(root, '.tmp'));
  for (const name of [...kept, ...stale]) await writeFile(join(root, '.tmp', name), bytes);
  for (const name of stale.slice(3)) await utimes(join(root, '.tmp', name), 1, 1);
  try {
    await using target = await openFileTarget(root, {}, signal);
    expect(await keysBelow(target, '', signal)).toEqual([]);
    await target.put('object', bytes, {}, signal);
    expect((await readdir(join(root, '.tmp'))).sort()).toEqual(kept.sort());
  } finally {
    living.kill();
  }
});
