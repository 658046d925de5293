import { access, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { cachedDirectory, cachePath } from './cache.ts';
import { temporaryDirectory } from './temporary.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

async function emptyCache() {
  const place = await temporaryDirectory();
  vi.stubEnv('XDG_CACHE_HOME', place.path);
  return place;
}

test('of many that want a directory at once one makes it, and nobody sees a half one', async () => {
  await using _place = await emptyCache();
  let made = 0;
  const one = async () => {
    const directory = await cachedDirectory('some/thing', async (work) => {
      made += 1;
      await expect(access(cachePath('some/thing'))).rejects.toMatchObject({ code: 'ENOENT' });
      await writeFile(join(work, 'content'), 'whole');
    });
    return await readFile(join(directory, 'content'), 'utf8');
  };
  expect(await Promise.all(Array.from({ length: 5 }, one))).toEqual(Array.from({ length: 5 }, () => 'whole'));
  expect(made).toBe(1);
});

test('a failure leaves nothing and is told; what a killed process left is no part of the next', async () => {
  await using _place = await emptyCache();
  await mkdir(`${cachePath('thing')}.new/litter`, { recursive: true });
  const failing = cachedDirectory('thing', async (work) => {
    await writeFile(join(work, 'half'), '');
    throw new Error('no network');
  });
  await expect(failing).rejects.toThrow('no network');
  expect(await readdir(dirname(cachePath('thing')))).toEqual(['thing.lock']);
  await mkdir(`${cachePath('thing')}.new/litter`, { recursive: true });
  const directory = await cachedDirectory('thing', async (work) => {
    await writeFile(join(work, 'whole'), '');
  });
  expect(await readdir(directory)).toEqual(['whole']);
});

test('what is being made stays, however old it looks; what a killed process left of another goes', async () => {
  await using _place = await emptyCache();
  const before = new Date(Date.now() - 8 * 86_400_000);
  const killed = `${cachePath('thing-killed')}.new`;
  await mkdir(killed, { recursive: true });
  const slow = await cachedDirectory('thing-slow', async (work) => {
    await writeFile(join(work, 'first'), '');
    await utimes(work, before, before);
    await cachedDirectory('thing-quick', async () => {});
    await writeFile(join(work, 'second'), '');
  });
  expect((await readdir(slow)).sort()).toEqual(['first', 'second']);
  await expect(access(killed)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('what was made from other inputs goes when it has not been used for a week', async () => {
  await using place = await emptyCache();
  for (const name of ['thing-old', 'thing-used', 'other-old']) await cachedDirectory(name, async () => {});
  const before = new Date(Date.now() - 8 * 86_400_000);
  for (const name of ['thing-old', 'thing-used', 'other-old']) await utimes(cachePath(name), before, before);
  await cachedDirectory('thing-used', () => Promise.reject(new Error('it is there')));
  await cachedDirectory('thing-new', (work) => utimes(work, before, before));
  const left = (await readdir(join(place.path, 'lifeboat-test'))).filter((name) => !name.endsWith('.lock'));
  expect(left.sort()).toEqual(['other-old', 'thing-new', 'thing-used']);
});
