import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { getBytes } from './target.ts';
import { openTarget } from './targets.ts';

test('opens a directory by URL and by path, and shows one URL for both', async ({ signal }) => {
  const root = await mkdtemp(join(tmpdir(), 'lifeboat targets ü-'));
  try {
    const url = pathToFileURL(root).href;
    for (const text of [url, root, `${root}/`, `${url}/`, `${root}/a/..`, url.replace('file:', 'FILE:')]) {
      await using target = await openTarget(text, {}, signal);
      expect(target.url).toBe(url);
    }
  } finally {
    await rm(root, { recursive: true });
  }
});

test('keeps what a named memory holds', async ({ signal }) => {
  const first = await openTarget('memory:kept', {}, signal);
  await first.put('a', Buffer.from('x'), {}, signal);
  await first[Symbol.asyncDispose]();
  await using second = await openTarget('memory:kept', {}, signal);
  expect((await getBytes(second, 'a', 10, signal)).toString()).toBe('x');
  await using other = await openTarget('memory:other', {}, signal);
  expect(await other.stat('a', signal)).toBeUndefined();
});

test.each([
  ['fil:///mnt', /called fil/, /Did you mean file:\?.*memory:name/],
  ['tape:nst0', /called tape/, /Known are file:\/\/\/mnt\/backup/],
  ['backup', /not a URL or absolute path/, /Known are/],
  ['', /not a URL or absolute path/, /Known are/],
  ['file:backup', /needs an absolute path/, /three slashes/],
  ['file:/mnt', /needs an absolute path/, /three slashes/],
  ['file://server/mnt', /names no host/, /three slashes/],
  ['file://', /names no host/, /three slashes/],
  ['file:///mnt?x', /%3F/, /three slashes/],
  ['file:///mnt%2Fx', /escape/, /three slashes/],
  ['file:///mnt%00', /escape/, /three slashes/],
  ['file:///mnt%zz', /escape/, /three slashes/],
  ['file:///mnt%ff', /not UTF-8/, /three slashes/],
])('refuses %j', async (url, message, hint) => {
  const { signal } = new AbortController();
  await expect(openTarget(url, { create: true }, signal)).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(message),
    hint: expect.stringMatching(hint),
  });
});

test('does not repeat a password', async ({ signal }) => {
  await expect(openTarget('odd://me:hunter2@host/', {}, signal)).rejects.toMatchObject({
    message: expect.not.stringContaining('hunter2'),
  });
});
