import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { followedPaths, includedPaths, notMounted } from './include.ts';

const layout = layoutOf(
  mount('/'),
  mount('/home'),
  mount('/home/ann'),
  mount('/srv', { mounted: false }),
  mount('/old', { hidden: true }),
  mount('/net', { category: 'network' }),
  mount('/homestead'),
);

test.each<[string[], 'none' | 'local' | string[], string[]]>([
  [['/'], 'none', ['/']],
  [['/'], 'local', ['/', '/home', '/home/ann', '/homestead']],
  [['/home/'], 'local', ['/home/', '/home', '/home/ann']],
  [['/etc'], 'local', ['/etc']],
  [['/'], ['/net/', '/srv', '/old'], ['/', '/net']],
  [['/etc'], ['/home'], ['/etc']],
])('include %j, crossMounts %j', (include, crossMounts, expected) => {
  expect(includedPaths({ include, crossMounts }, layout)).toEqual(expected);
});

test('mounts that are named and not there, or not below what is included, are told', () => {
  expect(notMounted({ include: ['/'], crossMounts: ['/net', '/srv', '/nothing'] }, layout)).toEqual([
    '/srv',
    '/nothing',
  ]);
  expect(notMounted({ include: ['/etc'], crossMounts: ['/home'] }, layout)).toEqual(['/home']);
  expect(notMounted({ include: ['/'], crossMounts: 'local' }, layout)).toEqual([]);
});

test('paths are judged where they lead, and a link that is named itself leads nowhere', async ({ signal }) => {
  await using at = await temporaryDirectory();
  await mkdir(join(at.path, 'real/www'), { recursive: true });
  await symlink('real', join(at.path, 'link'));
  const include = ['link/www', 'link', 'gone'].map((path) => join(at.path, path));
  expect(await followedPaths(localHost(), include, signal)).toEqual([join(at.path, 'gone'), join(at.path, 'real/www')]);
  const dead = { ...localHost(), run: () => Promise.reject(new LifeboatError('command-timeout', 'x')) };
  expect(await followedPaths(dead, include, signal)).toEqual(include);
});
