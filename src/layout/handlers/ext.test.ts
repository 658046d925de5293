import { expect, test } from 'vitest';
import { madeHost } from '../../../test/helpers/made-host.ts';
import { captureLayout } from '../capture.ts';

const now = new Date('2026-11-21T12:00:00Z');
const { signal } = new AbortController();

/** The fields of `dumpe2fs -h` that are needed here. */
const head = `Filesystem UUID:          0b0f1a4e-0300-4000-8000-000000000001
Filesystem features:      has_journal ext_attr
Inode count:              8192
Block count:              32768
Reserved block count:     1638
Free blocks:              30000
Block size:               1024
Blocks per group:         8192
Inode size:\t          256
Journal UUID:             0b0f1a4e-0300-4000-8000-000000000002
Journal device:\t          0x0810
`;

const disk = (name: string, number: string, serial: string, more: object) => ({
  name,
  'maj:min': number,
  type: 'disk',
  size: 32 << 20,
  serial,
  ...more,
});

test('one whose journal is on another device stands on both', async () => {
  const blockdevices = [
    disk('sda', '8:0', 'A', { fstype: 'ext4', uuid: '0b0f1a4e-0300-4000-8000-000000000001' }),
    disk('sdb', '8:16', 'B', { fstype: 'jbd', uuid: '0b0f1a4e-0300-4000-8000-000000000002' }),
    disk('sdc', '8:32', 'C', { fstype: 'jbd', uuid: '0b0f1a4e-0300-4000-8000-000000000003' }),
  ];
  const layout = await captureLayout(
    madeHost({ lsblk: JSON.stringify({ blockdevices }), findmnt: '{"filesystems": []}', dumpe2fs: head }),
    now,
    signal,
  );
  expect(layout.components.filter(({ kind }) => kind === 'ext')).toMatchObject([
    { on: ['disk:A', 'disk:B'], geometry: { journal: { externalUuid: '0b0f1a4e-0300-4000-8000-000000000002' } } },
  ]);
});
