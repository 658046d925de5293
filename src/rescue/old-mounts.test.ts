import { expect, test } from 'vitest';
import type { Layout } from '../layout/types.ts';
import type { Content } from './assemble.ts';
import { capturedRoot, mountsOf } from './old-mounts.ts';

const at = (name: string, type: string, rest: Partial<Content> = {}): Content => ({
  path: `/dev/mapper/${name}`,
  name,
  type,
  ...rest,
});

const contents = [
  at('vg--x-root', 'ext4', { uuid: 'aaaa-1' }),
  at('vg--x-srv', 'xfs', { uuid: 'aaaa-2' }),
  at('lifeboat-view-sda-part1', 'vfat', { uuid: 'ABCD-EF01', partUuid: 'cccc-3', partLabel: 'esp' }),
  at('lifeboat-view-sdb', 'btrfs', { uuid: 'aaaa-4', label: 'data' }),
  at('lifeboat-view-sdc', 'zfs_member', { label: 'tank' }),
];

const layout: Layout = {
  format: 'lifeboat.layout/1',
  capturedAt: '2026-11-21T12:00:00Z',
  components: [
    { kind: 'xfs', id: 'fs:2', on: [], type: 'xfs', uuid: 'aaaa-2', sizeBytes: 1 },
    { kind: 'btrfs', id: 'fs:4', on: [], type: 'btrfs', uuid: 'aaaa-4', sizeBytes: 1 },
    { kind: 'subvolume', id: 'sub:@', on: ['fs:4'], path: '@', number: 256, readOnly: false, isDefault: false },
    ...(['/', '/old'] as const).map((path) => ({
      kind: 'mount' as const,
      id: `mount:${path}`,
      on: [path === '/' ? 'sub:@' : 'fs:2'],
      path,
      mounted: true,
      source: '/dev/sda9',
      fstype: 'btrfs',
      options: 'rw,subvolid=256,subvol=/@',
      root: '/@',
      category: 'local' as const,
    })),
  ],
  gaps: [],
};

test.each([
  ['UUID=aaaa-2 /srv xfs defaults 0 0', ['/srv', 'vg--x-srv', 'ro,nouuid']],
  ['/dev/vg-x/srv /srv auto defaults 0 0', ['/srv', 'vg--x-srv', 'ro,nouuid']],
  ['/dev/mapper/vg--x-srv /srv xfs defaults', ['/srv', 'vg--x-srv', 'ro,nouuid']],
  ['UUID="abcd-ef01" /boot/efi vfat umask=0077 0 1', ['/boot/efi', 'lifeboat-view-sda-part1', 'ro']],
  ['PARTUUID=cccc-3 /esp vfat rw', ['/esp', 'lifeboat-view-sda-part1', 'ro']],
  ['/dev/disk/by-partlabel/esp /esp vfat rw', ['/esp', 'lifeboat-view-sda-part1', 'ro']],
  ['LABEL=data /home btrfs subvol=@home,compress=zstd 0 0', ['/home', 'lifeboat-view-sdb', 'ro,subvol=@home']],
  ['/dev/sda9 /old xfs defaults 0 0', ['/old', 'vg--x-srv', 'ro,nouuid']],
])('%s', (line, [path, name, options]) => {
  const { mounts, missing } = mountsOf(`${line}\n`, contents, layout);
  expect(missing).toEqual([]);
  expect(mounts.map((one) => [one.path, one.device, one.ways[0]?.join()])).toEqual([
    [path, `/dev/mapper/${name}`, options],
  ]);
});

test('what is elsewhere, or in memory, or the root itself is passed over; what is not there is told', () => {
  const fstab = `
UUID=aaaa-1 / ext4 defaults 0 1
UUID=dead /swap none swap sw 0 0
/dev/sda3 none swap sw 0 0
tmpfs /tmp tmpfs defaults 0 0
nas:/x /nfs nfs defaults 0 0
/srv /bound none bind 0 0
UUID=gone /gone ext4 defaults 0 0
LABEL=tank /tank zfs defaults 0 0
`;
  expect(mountsOf(fstab, contents, undefined)).toEqual({
    mounts: [],
    missing: [
      'line 3 of fstab is none',
      '/gone: there is no UUID=gone',
      '/tank: zfs_member is nothing that can be mounted here',
    ],
  });
});

test('where a journal cannot be replayed, it is left alone', () => {
  const { mounts } = mountsOf('UUID=aaaa-2 /srv xfs\nLABEL=data /home btrfs subvol=@home\n', contents, undefined);
  expect(mounts.map(({ ways }) => ways.at(-1)?.join())).toEqual([
    'ro,norecovery,nouuid',
    'ro,rescue=nologreplay,subvol=@home',
  ]);
});

test('the root as it was captured, with its subvolume', () => {
  expect(capturedRoot(layout)).toMatchObject({ uuid: 'aaaa-4', subvolume: 'subvol=/@' });
});
