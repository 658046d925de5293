import { expect, test } from 'vitest';
import { madeHost } from '../../../test/helpers/made-host.ts';
import { captureLayout } from '../capture.ts';
import { parseLosetup } from '../tools/losetup.ts';
import { parseLayout } from '../types.ts';

const now = new Date('2026-11-21T12:00:00Z');
const { signal } = new AbortController();

const backing = (more: object) => ({ 'maj:min': '  7:0  ', 'back-file': '/img/x', 'back-maj:min': '  8:0 ', ...more });

test('numbers and switches as all versions print them', () => {
  const said = { loopdevices: [backing({ offset: '512', sizelimit: '0', partscan: '1', dio: '0', 'log-sec': '512' })] };
  expect(parseLosetup(JSON.stringify(said))).toEqual(
    new Map([
      [
        '7:0',
        {
          file: '/img/x',
          removed: false,
          filesystem: '8:0',
          offsetBytes: 512,
          limitBytes: 0,
          sectorSize: 512,
          partitions: true,
          directIo: false,
        },
      ],
    ]),
  );
  expect(parseLosetup('')).toEqual(new Map());
  expect(parseLosetup(JSON.stringify({ loopdevices: [backing({ 'back-file': null })] }))).toEqual(new Map());
  expect(
    parseLosetup(JSON.stringify({ loopdevices: [backing({ 'back-file': '/a (deleted)' })] })).get('7:0'),
  ).toMatchObject({ file: '/a', removed: true });
});

/** A disk with the root, and a loop device that is mounted at `/img`. */
async function loopOf(more: object) {
  const devices = [
    { name: 'sda', 'maj:min': '8:0', type: 'disk', size: 9e9, fstype: 'ext4', serial: 'A' },
    { name: 'loop0', 'maj:min': '7:0', type: 'loop', size: 1e9, fstype: 'ext4', uuid: 'u' },
    { name: 'loop1', 'maj:min': '7:1', type: 'loop', size: 0 },
  ];
  const filesystems = [
    { target: '/', source: '/dev/sda', fstype: 'ext4', options: 'rw', fsroot: '/', 'maj:min': '8:0' },
    { target: '/img', source: '/dev/loop0', fstype: 'ext4', options: 'rw', fsroot: '/', 'maj:min': '7:0' },
  ];
  const layout = await captureLayout(
    madeHost({
      lsblk: JSON.stringify({ blockdevices: devices }),
      findmnt: JSON.stringify({ filesystems }),
      losetup: JSON.stringify({ loopdevices: [backing(more)] }),
    }),
    now,
    signal,
  );
  expect(() => parseLayout(JSON.parse(JSON.stringify(layout)))).not.toThrow();
  return layout.components.filter((one) => one.kind === 'loop');
}

test('it stands on the mount that holds its file, and never on what it shows itself', async () => {
  expect(await loopOf({ 'back-file': '/srv/x' })).toMatchObject([{ id: 'loop:/srv/x', on: ['mount:/'] }]);
  // Mounted over the directory in which its file is.
  expect(await loopOf({ 'back-file': '/img/x' })).toMatchObject([{ id: 'loop:/img/x', on: ['mount:/'] }]);
  expect(await loopOf({ 'back-file': '/img/x', 'back-maj:min': '0:99' })).toMatchObject([{ on: ['mount:/'] }]);
});

test('two views of one file are two devices', async () => {
  expect(await loopOf({ offset: 4096, sizelimit: 512 })).toMatchObject([
    { id: 'loop:4096 in /img/x', offsetBytes: 4096, limitBytes: 512 },
  ]);
});

test('two devices of the same file have two ids, and a copy of a disk leaves it its names', async () => {
  const table = { pttype: 'gpt', ptuuid: 't' };
  const partition = (name: string, number: string) => ({
    name,
    'maj:min': number,
    type: 'part',
    size: 9,
    partuuid: 'p',
    partn: 1,
    start: 1,
    fstype: 'ext4',
    uuid: 'u',
    parttype: 'x',
  });
  const blockdevices = [
    { name: 'loop0', 'maj:min': '7:0', type: 'loop', size: 99, ...table, children: [partition('loop0p1', '259:0')] },
    { name: 'loop1', 'maj:min': '7:1', type: 'loop', size: 99 },
    {
      name: 'sda',
      'maj:min': '8:0',
      type: 'disk',
      size: 99,
      serial: 'A',
      ...table,
      children: [partition('sda1', '8:1')],
    },
  ];
  const layout = await captureLayout(
    madeHost({
      lsblk: JSON.stringify({ blockdevices }),
      findmnt: '{"filesystems": []}',
      losetup: JSON.stringify({ loopdevices: [backing({}), backing({ 'maj:min': '7:1' })] }),
      dd: '\0',
      blkid: '',
      sfdisk: '',
    }),
    now,
    signal,
  );
  expect(() => parseLayout(JSON.parse(JSON.stringify(layout)))).not.toThrow();
  const idOf = (device: string) => layout.components.find((one) => 'device' in one && one.device === device)?.id;
  expect([idOf('/dev/loop0'), idOf('/dev/loop1')]).toEqual(['loop:/img/x', 'loop:2. /img/x']);
  expect([idOf('/dev/sda1'), idOf('/dev/loop0p1')]).toEqual(['partition:p', 'partition:loop:/img/x:1']);
  const filesystems = layout.components.flatMap((one) => (one.kind === 'ext' ? [[one.id, ...one.on]] : []));
  expect(filesystems).toContainEqual(['filesystem:u', 'partition:p']);
});
