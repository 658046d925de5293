/** The selection of files by find on a real host: that find leaves out exactly what the patterns mean. */
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { localHost } from '../../host/local.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { matcher } from '../patterns.ts';
import { choose, type ChoosingJob } from './choose.ts';
import { nanoseconds, parseFindLine, statOf } from './find.ts';

const noRules = { cacheDirectories: false };
const tag = 'Signature: 8a477f597d28d172789f06886806bc55\n# made by a test\n';

async function tree(top: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const full = nameToBytes(join(top, path));
    await mkdir(nameToBytes(dirname(join(top, path))), { recursive: true });
    await writeFile(full, content);
  }
}

async function chosenIn(top: string, job: Partial<ChoosingJob>, signal: AbortSignal) {
  const whole = { host: localHost(), include: [top], exclude: [], rules: noRules, ...job };
  const { chosen, ...rest } = await choose(whole, signal);
  return { ...rest, paths: chosen.map(({ path }) => `/${path}`.slice(top.length)) };
}

test('find and the patterns mean the same, also where find prunes', async ({ signal }) => {
  await using at = await temporaryDirectory();
  const names = ['a', 'b', 'a.b', 'a b', 'A', 'ä', '\udcff', '[', '*', '?', '\\', '-a', 'a\n', '!'];
  const files = names.flatMap((one) => names.slice(0, 9).map((two) => `${one}.d/${two}.d/${two}`));
  await tree(at.path, Object.fromEntries(files.map((path) => [path, 'x'])));
  const all = (await chosenIn(at.path, {}, signal)).paths.filter((path) => path !== '');
  expect(all).toHaveLength(names.length * 19);
  const part = fc.constantFrom(...names, '*', '?', '[ab]', '[!a]', '[a-', '/', '.d', 'a*', '*b', '{root}', '**');
  const pattern = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(pattern, fc.boolean()), { maxLength: 3 }), async (some) => {
      const exclude = some
        .filter(([text]) => /[^/]/.test(text))
        .map(([text, whole]) => (whole ? `${at.path}/${text}` : text.replace(/^\/+/, '') || 'x'));
      const tests = exclude.map(matcher);
      const upwards = (path: string) => path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
      const expected = all.filter(
        (path) => !upwards(at.path + path).some((one) => tests.some((matches) => matches(one))),
      );
      const { paths } = await chosenIn(at.path, { exclude }, signal);
      expect(paths.filter((path) => path !== '')).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test('each rule tells what it left out', async ({ signal }) => {
  await using at = await temporaryDirectory();
  await tree(at.path, {
    'cache/CACHEDIR.TAG': tag,
    'cache/deep/x': '12345',
    'cache/y': '123',
    'fake/CACHEDIR.TAG': `x${tag}`,
    'fake/kept': 'x',
    'big/large': 'x'.repeat(2000),
    'a.o': 'xx',
    'deep/b.o': 'xx',
    'own/state': 'x',
    'new\nline/CACHEDIR.TAG': tag,
    'new\nline/gone': 'x',
  });
  await symlink('cache/CACHEDIR.TAG', join(at.path, 'fake', 'link'));
  await using server = createServer();
  server.listen(join(at.path, 'socket'));
  await once(server, 'listening');
  const { paths, excluded, problems } = await chosenIn(
    at.path,
    {
      exclude: ['*.o', 'never'],
      leaveOut: [join(at.path, 'own')],
      rules: { cacheDirectories: true, maxFileBytes: 1999 },
    },
    signal,
  );
  const kept = [
    '',
    '/big',
    '/cache',
    '/cache/CACHEDIR.TAG',
    '/deep',
    '/fake',
    '/fake/CACHEDIR.TAG',
    '/fake/kept',
    '/fake/link',
  ];
  expect(paths).toEqual([...kept, '/new\nline', '/new\nline/CACHEDIR.TAG']);
  expect(problems.size).toBe(0);
  const of = (...some: string[]) => some.map((path) => join(at.path, path));
  const sorted = excluded.map((one) => ({ ...one, examples: one.examples.toSorted() }));
  expect(sorted.toSorted((a, b) => a.rule.localeCompare(b.rule))).toEqual([
    {
      rule: 'cache-directory',
      entries: 4,
      bytes: 9,
      examples: of('cache/deep', 'cache/deep/x', 'cache/y', 'new\nline/gone'),
    },
    { rule: 'own', entries: 1, bytes: 0, examples: of('own') },
    { rule: 'pattern', pattern: '*.o', entries: 2, bytes: 4, examples: of('a.o', 'deep/b.o') },
    { rule: 'socket', entries: 1, bytes: 0, examples: of('socket') },
    { rule: 'too-large', entries: 1, bytes: 2000, examples: of('big/large') },
  ]);
});

test('what is kept is stored though a pattern names what it lies in, less layers of images and what is named everywhere', async ({
  signal,
}) => {
  await using at = await temporaryDirectory();
  await tree(at.path, {
    'srv/a': 'a',
    'lib/store/db': 'x',
    'lib/store/noise.log': 'x',
    'lib/store/overlay/1/diff/bin': 'x',
    'lib/store/overlay/1/link': 'x',
    'lib/store/overlay/2/diff/etc': 'x',
    'lib/other': 'x',
  });
  const of = (...some: string[]) => some.map((path) => join(at.path, path));
  const { paths, excluded, notes } = await chosenIn(
    at.path,
    {
      include: of('srv', 'lib/store'),
      exclude: [...of('lib', 'lib/store/overlay'), '*.log'],
      keep: of('lib/store'),
      imageLayers: of('lib/store/overlay/1/diff'),
    },
    signal,
  );
  expect(paths).toEqual([
    '/lib/store',
    '/lib/store/db',
    '/lib/store/overlay',
    '/lib/store/overlay/1',
    '/lib/store/overlay/1/link',
    '/lib/store/overlay/2',
    '/lib/store/overlay/2/diff',
    '/lib/store/overlay/2/diff/etc',
    '/srv',
    '/srv/a',
  ]);
  expect(excluded.map(({ rule, pattern, examples }) => ({ rule, pattern, examples }))).toEqual([
    { rule: 'image-layer', examples: of('lib/store/overlay/1/diff') },
    { rule: 'pattern', pattern: '*.log', examples: of('lib/store/noise.log') },
  ]);
  expect(notes).toEqual([expect.stringContaining('nothing was left out by')]);
});

test('what two included paths share is there once, a link above an included path is followed', async ({ signal }) => {
  await using at = await temporaryDirectory();
  await tree(at.path, { 'real/in/a': 'a', 'real/b': 'b' });
  await symlink('real', join(at.path, 'link'));
  const include = ['link/in', 'real', 'link', 'gone'].map((path) => join(at.path, path));
  const { paths, problems } = await chosenIn(at.path, { include }, signal);
  expect(paths).toEqual(['/link', '/real', '/real/b', '/real/in', '/real/in/a']);
  expect([...problems]).toEqual([[join(at.path, 'gone'), 'No such file or directory']]);
  const only = await chosenIn(at.path, { include: [join(at.path, 'link')] }, signal);
  expect(only.paths).toEqual(['/link']);
  expect([...only.problems]).toEqual([
    [join(at.path, 'link'), expect.stringContaining(`not in the point; add ${at.path}/real to`)],
  ]);
});

test('slashes and dots that mean nothing mean nothing in a pattern, and one that matches nothing is told', async ({
  signal,
}) => {
  await using at = await temporaryDirectory();
  await tree(at.path, { 'a/x': 'a', 'b/x': 'b', 'c/[z-a]': 'c', d: 'd' });
  const exclude = [`${at.path}//a/./x/`, 'b//./x', '[z-a]', `${at.path}/d/.`, 'a\\*', '/./never'];
  const { paths, notes } = await chosenIn(at.path, { exclude }, signal);
  expect(paths).toEqual(['', '/a', '/b', '/c']);
  expect(notes).toEqual(['nothing was left out by "a\\\\*", "/./never"']);
});

test('an included path below one that is left out is left out', async ({ signal }) => {
  await using at = await temporaryDirectory();
  await tree(at.path, { 'out/in/a': 'a', b: 'b' });
  const include = ['', '/out/in'].map((path) => at.path + path);
  expect((await chosenIn(at.path, { include, exclude: ['out'] }, signal)).paths).toEqual(['', '/b']);
  await expect(chosenIn(at.path, { leaveOut: ['/'] }, signal)).rejects.toMatchObject({ code: 'usage' });
});

// As GNU find 4.9 prints them.
test.each([
  ['1795270193.6668762070', '1795270193666876207'],
  ['1.5000000000', '1500000000'],
  ['0.0000000010', '1'],
  ['0.0000000000', '0'],
  ['-6.9999999990', '-5000000001'],
  ['-1.5000000000', '-500000000'],
  ['12', '12000000000'],
])('the time %s is %s ns', (time, ns) => {
  expect(nanoseconds(time)).toBe(ns);
});

test('a line of find is read', () => {
  expect(statOf('f 4755 0:3000000000 17 1.5000000000 2.2500000000 65024:2164347 2')).toEqual({
    type: 'f',
    mode: 0o4755,
    owner: '0:3000000000',
    size: 17,
    mtimeNs: '1500000000',
    ctimeNs: '2250000000',
    inode: '65024:2164347',
    links: 2,
  });
  expect(parseFindLine("find: '/a/new\\nline \\377\\'q': Permission denied")).toEqual({
    path: "/a/new\nline \udcff'q",
    problem: 'Permission denied',
  });
  expect(
    parseFindLine("find: WARNING: Hard link count is wrong for '/a b' (saw only st_nlink=2 but we already saw 1 …"),
  ).toEqual({ path: '/a b', problem: expect.stringContaining('counts its links wrong') });
  expect(parseFindLine('find: unknown predicate')).toBeUndefined();
});
