import { expect, test } from 'vitest';
import { madeHost } from '../../../test/helpers/made-host.ts';
import { coverage } from '../../point/coverage.ts';
import { captureLayout } from '../capture.ts';
import { parseLayout } from '../types.ts';

const now = new Date('2026-11-21T12:00:00Z');
const { signal } = new AbortController();

interface Line {
  readonly target: string;
  readonly source: string;
  readonly fstype: string;
  readonly number: string;
}

async function mountsOf(lines: readonly Line[], fstab: string, btrfs: (argv: readonly string[]) => string = () => '') {
  const filesystems = lines.map(({ number, ...line }) => ({ ...line, options: 'rw', fsroot: '/', 'maj:min': number }));
  const devices = [
    {
      name: 'vg--0-pool',
      kname: 'dm-0',
      path: '/dev/mapper/vg--0-pool',
      'maj:min': '253:0',
      type: 'lvm',
      size: 9e9,
      fstype: 'btrfs',
      uuid: 'volume',
    },
    { name: 'sda', 'maj:min': '8:0', type: 'disk', size: 9e9, fstype: 'ext4', uuid: 'root', serial: 'A' },
    { name: 'sdb', 'maj:min': '8:16', type: 'disk', size: 9e9, fstype: 'btrfs', uuid: 'pool', serial: 'B' },
  ];
  const host = madeHost(
    {
      lsblk: JSON.stringify({ blockdevices: devices }),
      findmnt: JSON.stringify({ filesystems }),
      btrfs,
      lsattr: '',
    },
    { '/etc/fstab': fstab },
  );
  const layout = parseLayout(JSON.parse(JSON.stringify(await captureLayout(host, now, signal))));
  return { layout, mounts: layout.components.filter((one) => one.kind === 'mount') };
}

const root = { target: '/', source: '/dev/sda', fstype: 'ext4', number: '8:0' };
const trigger = { target: '/mnt/share', source: 'systemd-1', fstype: 'autofs', number: '0:40' };
const share = { target: '/mnt/share', source: 'nas:/share', fstype: 'nfs4', number: '0:41' };
const automount = 'nas:/share /mnt/share nfs4 noauto,x-systemd.automount 0 0\n';

test('a line for an automounter is what it mounts, and not the trigger, which holds no data', async () => {
  const { layout, mounts } = await mountsOf([root, trigger], automount);
  const waiting = mounts.find(({ id }) => id === 'mount:/mnt/share');
  expect(waiting).toMatchObject({ mounted: false, category: 'network', source: 'nas:/share', fstab: {} });
  const [only] = mounts.filter(({ fstype }) => fstype === 'autofs');
  expect(only).toMatchObject({ category: 'pseudo', mounted: true });
  expect(only).not.toHaveProperty('fstab');
  const items = coverage(layout, { include: ['/'], exclude: [] });
  expect(items.find(({ id }) => id === 'mount:/mnt/share')).toMatchObject({ state: 'not-covered', harmless: false });
});

test('when it has mounted it, that is the mount', async () => {
  const { mounts } = await mountsOf([root, trigger, share], automount);
  expect(mounts.find(({ id }) => id === 'mount:/mnt/share')).toMatchObject({
    mounted: true,
    fstype: 'nfs4',
    fstab: {},
  });
  expect(mounts.filter(({ path }) => path === '/mnt/share')).toHaveLength(2);
});

test('which subvolume a line asks for, by name, by number, or not at all', async () => {
  const pool = { target: '/mnt/pool', source: '/dev/sdb', fstype: 'btrfs', number: '0:42' };
  const said = ['@', '@home', '@srv'].map(
    (path, index) =>
      `ID ${256 + index} gen 9 parent 5 top level 5 parent_uuid - received_uuid - uuid u${index} path ${path}`,
  );
  const btrfs = (argv: readonly string[]): string => {
    if (argv.includes('get-default')) return 'ID 256 gen 9 top level 5 path @\n';
    return argv.includes('-apuqR') ? `${said.join('\n')}\n` : '';
  };
  const fstab = [
    'UUID=pool /a btrfs subvol=/@home,noauto 0 0',
    'UUID=pool /b btrfs noauto,subvolid=258 0 0',
    'UUID=pool /c btrfs noauto 0 0',
    'UUID=pool /d btrfs noauto,subvolid=5 0 0',
    'UUID=pool /e btrfs noauto,subvol=gone 0 0',
  ];
  const { mounts } = await mountsOf([root, pool], `${fstab.join('\n')}\n`, btrfs);
  const found = mounts.filter(({ mounted }) => !mounted).map(({ path, on, root: shown }) => [path, shown, ...on]);
  expect(found).toEqual([
    ['/a', '/@home', 'subvolume:pool:@home'],
    ['/b', '/@srv', 'subvolume:pool:@srv'],
    ['/c', '/@', 'subvolume:pool:@'],
    ['/d', '/', 'filesystem:pool'],
    ['/e', '/', 'filesystem:pool'],
  ]);
});

test.each(['/dev/vg-0/pool', '/dev/dm-0'])(
  'a btrfs of which the kernel tells the name %s is known to be mounted',
  async (source) => {
    const lines = [root, { target: '/pool', source, fstype: 'btrfs', number: '0:50' }];
    const { mounts } = await mountsOf(lines, '');
    expect(mounts.find(({ path }) => path === '/pool')?.on).toEqual(['filesystem:volume']);
  },
);
