import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { openProgress } from './progress.ts';

const { signal } = new AbortController();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-progress-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const file = (): string => join(directory, 'plans', 'one.jsonl');

test('what was begun and ended is known to who opens it next', async () => {
  {
    await using progress = await openProgress(file(), 'boot');
    expect([...progress.begun, ...progress.ended]).toEqual([]);
    await progress.begin('mark', signal);
    await progress.end('mark', signal);
    await progress.begin('wipe "a"\n', signal);
  }
  await using progress = await openProgress(file(), 'boot');
  expect([...progress.begun]).toEqual(['mark', 'wipe "a"\n']);
  expect([...progress.ended]).toEqual(['mark']);
});

test('a line that was cut off is as if it were not there, and the next takes its place', async () => {
  {
    await using progress = await openProgress(file(), 'boot');
    await progress.begin('one', signal);
  }
  await appendFile(file(), '{"end":"o');
  {
    await using progress = await openProgress(file(), 'boot');
    expect([...progress.ended]).toEqual([]);
    await progress.end('one', signal);
  }
  expect(await readFile(file(), 'utf8')).toBe('{"boot":"boot"}\n{"begin":"one"}\n{"end":"one"}\n');
});

test('of two at once the second is told', async () => {
  await using _progress = await openProgress(file(), 'boot');
  await expect(openProgress(file(), 'boot')).rejects.toMatchObject({ code: 'locked' });
});

test('a file that is no such record is refused', async () => {
  await (await openProgress(file(), 'boot'))[Symbol.asyncDispose]();
  await writeFile(file(), 'something else\n');
  await expect(openProgress(file(), 'boot')).rejects.toMatchObject({ code: 'journal-damaged' });
});

test('after a restart nothing is gone on with that was begun before', async () => {
  await (await openProgress(file(), 'boot'))[Symbol.asyncDispose]();
  {
    await using progress = await openProgress(file(), 'next boot');
    await progress.begin('one', signal);
  }
  await expect(openProgress(file(), 'a third')).rejects.toMatchObject({ code: 'refused' });
  await (await openProgress(file(), 'next boot'))[Symbol.asyncDispose]();
});

test.skipIf(process.getuid?.() !== 0)(
  'where it has no room, nothing begins (mounting a small filesystem needs root)',
  async () => {
    const place = join(directory, 'plans');
    await mkdir(place);
    const small = localHost();
    await small.run(['mount', '-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', place], {}, signal);
    await using _unmounted = {
      [Symbol.asyncDispose]: async () => void (await small.run(['umount', '-l', place], {}, signal)),
    };
    const id = 'x'.repeat(1_000);
    {
      await using progress = await openProgress(file(), 'boot');
      const filling = async () => {
        for (let count = 0; count < 100; count++) await progress.begin(`${count} ${id}`, signal);
      };
      await expect(filling()).rejects.toMatchObject({ code: 'no-space' });
    }
    await small.run(['mount', '-o', 'remount,size=64k', place], {}, signal);
    await using progress = await openProgress(file(), 'boot');
    expect(progress.begun.size).toBeGreaterThan(1);
    await progress.end(`0 ${id}`, signal);
  },
);
