import { expect, test } from 'vitest';
import { made } from '../../test/helpers/made-layout.ts';
import { repositoryDisk } from './repository-disk.ts';

const machine = made();
const disk = machine.disk('/dev/sdb', 1 << 30);
const backup = machine.filesystem('ext', 'ext4', [disk], 1 << 30, { uuid: '1a2b-3c' });
const pool = machine.filesystem('btrfs', 'btrfs', [machine.disk('/dev/sdc', 1 << 30)], 1 << 30, { uuid: '4d5e-6f' });
const home = machine.add('subvolume', 'subvolume:@home', [pool], {
  path: '@home',
  number: 257,
  readOnly: false,
  isDefault: false,
});
machine.mount('/', [backup]);
machine.mount('/mnt/backup', [backup]);
machine.mount('/home', [home], { fstype: 'btrfs', root: '/@home' });
machine.mount('/nas', [], { fstype: 'nfs4', source: 'nas:/export', category: 'network' });
machine.mount('/run/points', [], { fstype: 'tmpfs', category: 'memory' });
const layout = machine.layout();

test.each([
  ['/mnt/backup/points', { path: '/mnt/backup', type: 'ext4', source: 'UUID=1a2b-3c', options: ['ro'] }],
  ['/mnt/backup', { path: '/mnt/backup', type: 'ext4', source: 'UUID=1a2b-3c', options: ['ro'] }],
  ['/home/points', { path: '/home', type: 'btrfs', source: 'UUID=4d5e-6f', options: ['ro', 'subvol=/@home'] }],
  ['/nas/points', { path: '/nas', type: 'nfs4', source: 'nas:/export', options: ['ro'] }],
  ['/mnt/backups', undefined],
  ['/srv/points', undefined],
  ['/run/points', undefined],
])('%s', (directory, expected) => expect(repositoryDisk(directory, layout)).toEqual(expected));
