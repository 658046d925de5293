import { expect, test } from 'vitest';
import { madeMedium } from '../../test/helpers/made-medium.ts';
import type { KnownMedium } from './known.ts';
import { baseDays, type Present, staleReasons } from './stale.ts';

const known: KnownMedium = {
  format: 'lifeboat.known-medium/1',
  medium: {
    ...madeMedium,
    of: { layout: 'l', network: 'n', configuration: 'c', keys: 'k' },
    modules: ['ext4', 'sd_mod'],
  },
  digest: 'd',
  as: 'iso',
  output: '/srv/rescue.iso',
  ownKernel: true,
  boots: [],
};

const present: Present = {
  release: '6.1.0-50-amd64',
  kernelSha256: 'aa',
  modules: ['ext4'],
  layout: [],
  network: [],
  settings: { configuration: 'c', keys: 'k' },
  version: '1.0.0',
  now: new Date('2026-11-22T00:00:00Z'),
};

const subjects = (changes: Partial<Present>, medium: KnownMedium = known): string[] =>
  staleReasons(medium, { ...present, ...changes }).map(({ subject }) => subject);

test('a host that is as it was', () => expect(subjects({})).toEqual([]));

test.each<[string, Partial<Present>, string[]]>([
  ['another kernel', { release: '6.1.0-51-amd64', kernelSha256: 'bb', modules: ['zfs'] }, ['kernel']],
  ['another build of the same kernel', { kernelSha256: 'bb' }, ['kernel']],
  ['a kernel without a file', { release: '6.1.0-50-amd64' }, []],
  ['a module that was not used before', { modules: ['ext4', 'megaraid_sas'] }, ['modules']],
  ['a disk more', { layout: ['a disk came'] }, ['layout']],
  ['another address', { network: ['an address', 'a route'] }, ['network', 'network']],
  ['the configuration', { settings: { configuration: 'x', keys: 'k' } }, ['configuration']],
  ['who may log in', { settings: { configuration: 'c', keys: 'x' } }, ['keys']],
  ['a newer lifeboat', { version: '1.0.1' }, ['version']],
  ['packages of long ago', { now: new Date(Date.parse('2026-11-01') + (baseDays + 1) * 86_400_000) }, ['base']],
])('%s', (_, changes, expected) => expect(subjects(changes)).toEqual(expected));

test('a medium with a kernel that somebody chose is not compared with the one that runs', () => {
  expect(subjects({ release: '6.6.0', kernelSha256: 'bb', modules: ['zfs'] }, { ...known, ownKernel: false })).toEqual(
    [],
  );
});
