import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { layoutOf, mount, subvolume } from '../../test/helpers/small-layout.ts';
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

test('subvolumes below what is included are followed, but for snapshots, and where another mount lies over them', () => {
  const parts = layoutOf(
    subvolume('@'),
    subvolume('@/var/lib/machines'),
    subvolume('@/srv/nested'),
    subvolume('@/srv/nested/deeper'),
    subvolume('@/srv/before', { readOnly: true, parentUuid: 'x' }),
    subvolume('@/home/ann'),
    subvolume('@other'),
    mount('/', { on: ['subvolume:fs:@'], root: '/@', fstype: 'btrfs' }),
    mount('/home'),
  );
  const below = (include: string[], crossMounts: 'none' | 'local') => includedPaths({ include, crossMounts }, parts);
  const nested = ['/srv/nested', '/srv/nested/deeper'];
  expect(below(['/'], 'none')).toEqual(['/', '/var/lib/machines', ...nested]);
  expect(below(['/'], 'local')).toEqual(['/', '/home', '/var/lib/machines', ...nested]);
  expect(below(['/srv/'], 'local')).toEqual(['/srv/', ...nested]);
  expect(below(['/srv/before'], 'local')).toEqual(['/srv/before']);
  expect(below(['/home'], 'local')).toEqual(['/home']);
});

test('a subvolume that is seen twice is followed once, and layers of images are not', () => {
  const parts = layoutOf(
    subvolume('@'),
    subvolume('@/srv/nested'),
    subvolume('@home'),
    subvolume('spare'),
    subvolume('@/var/lib/docker/btrfs/subvolumes/4f0c', { parentUuid: 'x' }),
    mount('/', { on: ['subvolume:fs:@'], root: '/@', fstype: 'btrfs' }),
    mount('/home', { on: ['subvolume:fs:@home'], root: '/@home', fstype: 'btrfs' }),
    mount('/mnt/top', { on: ['fs'], fstype: 'btrfs' }),
  );
  expect(includedPaths({ include: ['/'], crossMounts: 'local' }, parts)).toEqual([
    '/',
    '/home',
    '/mnt/top',
    '/srv/nested',
    '/mnt/top/spare',
  ]);
  expect(includedPaths({ include: ['/mnt/top'], crossMounts: 'none' }, parts)).toEqual([
    '/mnt/top',
    '/mnt/top/@',
    '/mnt/top/@/srv/nested',
    '/mnt/top/@home',
    '/mnt/top/spare',
  ]);
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
