import { expect, test } from 'vitest';
import { madeHost } from '../../../test/helpers/made-host.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { coverage } from '../../point/coverage.ts';
import { captureLayout } from '../capture.ts';

const now = new Date('2026-11-21T12:00:00Z');
const { signal } = new AbortController();

const devices = [
  { name: 'sda', 'maj:min': '8:0', type: 'disk', size: 1000, serial: 'A' },
  { name: 'sdb', 'maj:min': '8:16', type: 'disk', size: 2000, serial: 'B' },
  { name: 'sdc', 'maj:min': '8:32', type: 'disk', size: 3000, serial: 'C', fstype: 'oracleasm', label: 'VOL1' },
  { name: 'sdd', 'maj:min': '8:48', type: 'disk', size: 4000, serial: 'D', fstype: 'jbd', uuid: 'u' },
  { name: 'sr0', 'maj:min': '11:0', type: 'rom', size: 5000 },
  { name: 'nullb0', 'maj:min': '251:0', type: 'disk', size: 6000 },
  { name: 'ram0', 'maj:min': '1:0', type: 'disk', size: 7000 },
];
const signatures = [
  { device: 'sda', offset: '0x0', type: 'xfs', uuid: 'x', label: null },
  { device: 'sda', offset: '0x438', type: 'ext4', uuid: 'y', label: null },
];

const noise = nameFromBytes(Buffer.from('fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0ef', 'hex'));
const zeros = '\0'.repeat(4096);

const capture = async (signaturesOf: (device: string) => string) =>
  await captureLayout(
    madeHost({
      lsblk: JSON.stringify({ blockdevices: devices }),
      findmnt: '{"filesystems": []}',
      blkid: '',
      dd: (argv) => (argv.includes('if=/dev/sda') ? noise : zeros),
      wipefs: (argv) => signaturesOf(argv.at(-1) ?? ''),
    }),
    now,
    signal,
  );

test('noise, foreign signatures and foreign devices are told with their sizes, and as not covered', async () => {
  const layout = await capture(() => '');
  const unknown = layout.components.filter((one) => one.kind === 'unknown');
  expect(unknown).toMatchObject([
    { rawType: 'nullb', device: '/dev/nullb0', sizeBytes: 6000 },
    { rawType: 'ram', sizeBytes: 7000 },
    { rawType: 'oracleasm', label: 'VOL1', sizeBytes: 3000, on: ['disk:C'] },
    { rawType: 'jbd', uuid: 'u', sizeBytes: 4000 },
    { rawType: 'data', begins: 'fffefdfc', sizeBytes: 1000, on: ['disk:A'] },
  ]);
  const items = coverage(layout, { include: ['/'], exclude: [] });
  const told = items
    .filter(({ kind }) => kind === 'unknown')
    .map(({ state, harmless, bytes }) => [bytes, state, harmless]);
  expect(told).toEqual([
    [6000, 'not-covered', false],
    [7000, 'not-covered', true],
    [3000, 'not-covered', false],
    [4000, 'not-covered', true],
    [1000, 'not-covered', false],
  ]);
});

test('of several signatures all are told, and none is believed', async () => {
  const layout = await capture(() => JSON.stringify({ signatures }));
  expect(layout.components.find((one) => one.kind === 'unknown' && one.rawType === 'data')).toMatchObject({
    signatures: ['xfs at 0x0', 'ext4 at 0x438'],
  });
});

test('what begins with zeros is empty as far as anybody can see', async () => {
  const layout = await capture(() => '');
  expect(layout.components.filter(({ on }) => on.includes('disk:B'))).toEqual([]);
  const items = coverage(layout, { include: ['/'], exclude: [] });
  expect(items.find(({ subject }) => subject === '/dev/sdb')).toMatchObject({ state: 'not-covered', harmless: false });
});

test('what blkid could not open is told once', async () => {
  const host = madeHost({
    lsblk: JSON.stringify({ blockdevices: devices.slice(0, 2) }),
    findmnt: '{"filesystems": []}',
    dd: () => {
      throw new Error('cannot open');
    },
  });
  const shut: typeof host = {
    ...host,
    run: async (argv, options, inner) =>
      argv[0] === 'blkid'
        ? { code: 2, stdout: Buffer.alloc(0), stderr: 'blkid: error: /dev/sda: Permission denied\n' }
        : await host.run(argv, options, inner),
  };
  const { gaps } = await captureLayout(shut, now, signal);
  expect(gaps.filter(({ subject }) => subject === '/dev/sda')).toHaveLength(1);
  expect(gaps.filter(({ subject }) => subject === '/dev/sdb')).toHaveLength(1);
});

test('what a foreign mapping shows unchanged stands on it, and not the mapping on that', async () => {
  const member = { fstype: 'linux_raid_member', uuid: '34272c9a-6875-1a47-d4d9-018de48c367a' };
  const mapped = {
    name: 'first',
    kname: 'dm-0',
    path: '/dev/mapper/first',
    'maj:min': '253:0',
    type: 'dm',
    size: 1000,
    ...member,
  };
  const disk = { name: 'sda', 'maj:min': '8:0', type: 'disk', size: 1000, serial: 'A', ...member, children: [mapped] };
  const { components, gaps } = await captureLayout(
    madeHost({
      lsblk: JSON.stringify({ blockdevices: [disk] }),
      findmnt: '{"filesystems": []}',
      blkid: '',
      grep: '/sys/block/dm-0/dm/name:first\n/sys/block/dm-0/dm/uuid:\n',
      mdadm: 'nothing that is understood',
    }),
    now,
    signal,
  );
  expect(components.find(({ kind }) => kind === 'unknown')).toMatchObject({ rawType: 'dm', on: ['disk:A'] });
  expect(components.find(({ kind }) => kind === 'md')?.on).toEqual(['unknown:dm:/dev/mapper/first']);
  expect(gaps.filter(({ problem }) => problem.includes('itself'))).toEqual([]);
});

test('of a foreign mapping that does not answer, what runs on it says that its member lies there', async () => {
  const member = { fstype: 'linux_raid_member', uuid: '34272c9a-6875-1a47-d4d9-018de48c367a' };
  const named = (name: string, type: string, number: string) => ({
    name,
    kname: name,
    type,
    'maj:min': number,
    size: 1000,
  });
  const array = { ...named('md127', 'raid1', '9:127'), path: '/dev/md127' };
  // Nothing is known of its content: udev has not come to it, and blkid waits for ever.
  const hung = { ...named('first', 'dm', '253:0'), kname: 'dm-0', path: '/dev/mapper/first', children: [array] };
  const other = { ...named('sdb', 'disk', '8:16'), serial: 'B', ...member, children: [array] };
  const disk = { ...named('sda', 'disk', '8:0'), serial: 'A', ...member, children: [hung] };
  const { components, gaps } = await captureLayout(
    madeHost({
      lsblk: JSON.stringify({ blockdevices: [disk, other] }),
      findmnt: '{"filesystems": []}',
      blkid: '',
      grep: '/sys/block/dm-0/dm/name:first\n/sys/block/dm-0/dm/uuid:\n',
      mdadm: 'nothing that is understood',
    }),
    now,
    signal,
  );
  expect(components.find(({ kind }) => kind === 'unknown')).toMatchObject({ rawType: 'dm', on: ['disk:A'] });
  expect(components.find(({ kind }) => kind === 'md')?.on.toSorted()).toEqual([
    'disk:B',
    'unknown:dm:/dev/mapper/first',
  ]);
  expect(gaps.filter(({ problem }) => problem.includes('itself'))).toEqual([]);
});

test('of a device that crypttab names as a key nothing is read', async () => {
  const asked: string[] = [];
  const host = madeHost(
    {
      lsblk: JSON.stringify({ blockdevices: devices.slice(0, 2) }),
      findmnt: '{"filesystems": []}',
      blkid: '',
      realpath: (argv) =>
        argv.at(-1) === '/dev/disk/by-id/usb-key' ? '/dev/sda\n' : '/sys/devices/a\n/sys/devices/b\n',
      dd: (argv) => {
        // The boot sector is looked at for loaders that are known.
        if (argv.includes('bs=4096')) asked.push(argv[1] ?? '');
        return noise;
      },
      wipefs: '',
    },
    { '/etc/crypttab': 'data UUID=1234 /dev/disk/by-id/usb-key luks\n' },
  );
  const { components } = await captureLayout(host, now, signal);
  expect(components.filter((one) => one.kind === 'unknown')).toMatchObject([
    { rawType: 'key', sizeBytes: 1000, on: ['disk:A'] },
    { rawType: 'data', sizeBytes: 2000, on: ['disk:B'] },
  ]);
  expect(asked).toEqual(['if=/dev/sdb']);
});
