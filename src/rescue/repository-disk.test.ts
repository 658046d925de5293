import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { recordedHost } from '../host/recorded.ts';
import { mountRepositoryDisk, type Reach } from './repository-disk.ts';

const layout = layoutOf(
  { kind: 'ext', id: 'fs:root', on: [], type: 'ext4', uuid: 'aaaa', sizeBytes: 1 },
  { kind: 'ext', id: 'fs:repo', on: [], type: 'ext4', uuid: 'bbbb', sizeBytes: 1 },
  mount('/', { on: ['fs:root'] }),
  mount('/srv/backup', { on: ['fs:repo'] }),
  mount('/srv/backup/web1/old', { on: ['fs:root'] }),
  mount('/nas', { fstype: 'nfs4', source: 'nas:/export', category: 'network' }),
);

type Answer = readonly [argv: readonly [string, ...string[]], code: number, stdout?: string];

const host = (...commands: readonly Answer[]) =>
  recordedHost({ commands: commands.map(([argv, code, stdout = '']) => ({ argv, code, stdout })) });

const missing: Answer = [['test', '-e', '/srv/backup/web1/lifeboat/repository.json'], 1];
const named: Answer = [['blkid', '-c', '/dev/null', '-U', 'bbbb'], 0, '/dev/sdc1\n'];
const typed: Answer = [['blkid', '-o', 'value', '-s', 'TYPE', '/dev/sdc1'], 0, 'ext4\n'];
const made: Answer = [['mkdir', '-p', '--', '/srv/backup'], 0];
const mounting = (options: string, code: number): Answer => [
  ['mount', '-t', 'ext4', '-o', options, '--', '/dev/sdc1', '/srv/backup'],
  code,
];
const find = (...commands: readonly Answer[]) =>
  mountRepositoryDisk('/srv/backup/web1', layout, 'servers', host(...commands), new AbortController().signal);

test('it is mounted read-only where it was; its journal is left alone where that cannot be replayed', async () => {
  const there = 'the repository /srv/backup/web1 is on /dev/sdc1, mounted read-only at /srv/backup';
  expect(await find(missing, named, typed, made, mounting('ro', 0))).toBe(there);
  expect(await find(missing, named, typed, made, mounting('ro', 32), mounting('ro,noload', 0))).toBe(there);
});

test('points on a stick that lifeboat made are found, too', async () => {
  const gone: Answer = [named[0], 2];
  const stick: Answer = [['blkid', '-c', '/dev/null', '-L', 'LIFEBOAT-DATA'], 0, '/dev/sdc1\n'];
  expect(await find(missing, gone, stick, typed, made, mounting('ro', 0))).toMatch(/ is on \/dev\/sdc1, mounted/);
  expect(await find(missing, gone, [stick[0], 2])).toMatch(
    /was on a filesystem that is not here \(UUID bbbb, at \/srv/,
  );
});

test('what cannot be mounted is told; what is there, or was on the root, is nothing to do', async () => {
  const other: Answer = [typed[0], 0, 'zfs_member\n'];
  expect(await find(missing, named, other, made)).toMatch(/cannot be mounted at \/srv\/backup: zfs_member cannot/);
  expect(await find([missing[0], 0])).toBeUndefined();
  const onRoot = host([['test', '-e', '/var/backup/lifeboat/repository.json'], 1]);
  expect(
    await mountRepositoryDisk('/var/backup', layout, 'servers', onRoot, new AbortController().signal),
  ).toBeUndefined();
});

test('nothing is mounted over what the rescue system needs', async () => {
  const inVar = layoutOf(
    { kind: 'ext', id: 'fs:var', on: [], type: 'ext4', uuid: 'cccc', sizeBytes: 1 },
    mount('/var', { on: ['fs:var'] }),
    mount('/mnt', { on: ['fs:var'] }),
  );
  for (const directory of ['/var/backup', '/mnt/backup']) {
    const asked = host([['test', '-e', `${directory}/lifeboat/repository.json`], 1]);
    expect(await mountRepositoryDisk(directory, inVar, 'servers', asked, new AbortController().signal)).toMatch(
      /where the rescue system has its own files/,
    );
  }
});

test('what a server gave out is asked of it again', async () => {
  const made: Answer = [['mkdir', '-p', '--', '/nas'], 0];
  const mounted: Answer = [['mount', '-t', 'nfs4', '-o', 'ro', '--', 'nas:/export', '/nas'], 0];
  const nas = host([['test', '-e', '/nas/points/lifeboat/repository.json'], 1], made, mounted);
  const find = async (reach: Reach) =>
    await mountRepositoryDisk('/nas/points', layout, reach, nas, new AbortController().signal);
  expect(await find('disks')).toBeUndefined();
  expect(await find('servers')).toBe('the repository /nas/points is on nas:/export, mounted read-only at /nas');
});
