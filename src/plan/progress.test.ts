import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
    await using progress = await openProgress(file());
    expect([...progress.begun, ...progress.ended]).toEqual([]);
    await progress.begin('mark', signal);
    await progress.end('mark', signal);
    await progress.begin('wipe "a"\n', signal);
  }
  await using progress = await openProgress(file());
  expect([...progress.begun]).toEqual(['mark', 'wipe "a"\n']);
  expect([...progress.ended]).toEqual(['mark']);
});

test('a line that was cut off is as if it were not there, and the next takes its place', async () => {
  {
    await using progress = await openProgress(file());
    await progress.begin('one', signal);
  }
  await appendFile(file(), '{"end":"o');
  {
    await using progress = await openProgress(file());
    expect([...progress.ended]).toEqual([]);
    await progress.end('one', signal);
  }
  expect(await readFile(file(), 'utf8')).toBe('{"begin":"one"}\n{"end":"one"}\n');
});

test('of two at once the second is told', async () => {
  await using _progress = await openProgress(file());
  await expect(openProgress(file())).rejects.toMatchObject({ code: 'locked' });
});

test('a file that is no such record is refused', async () => {
  await (await openProgress(file()))[Symbol.asyncDispose]();
  await writeFile(file(), 'something else\n');
  await expect(openProgress(file())).rejects.toMatchObject({ code: 'journal-damaged' });
});
