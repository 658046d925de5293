import { expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import { recordedHost } from '../host/recorded.ts';
import { deviceIds, partitionNumber } from './identity.ts';
import { withPathsOnce } from './paths.ts';
import type { BlockDevice } from './tools/lsblk.ts';

const disk = (name: string, number: string, more: Partial<BlockDevice> = {}): BlockDevice => ({
  number,
  name,
  path: `/dev/${name}`,
  type: 'disk',
  parents: [],
  sizeBytes: 1024,
  readOnly: false,
  removable: false,
  rotational: false,
  serial: 'S',
  wwn: '0x5000',
  fstype: 'ext4',
  ...more,
});
const part = (name: string, number: string, parent: string) => disk(name, number, { type: 'part', parents: [parent] });
const questions = () => asker(recordedHost({ commands: [] }), new AbortController().signal);
const places = new Map([
  ['8:0', 'b'],
  ['8:16', 'a'],
]);

test('of two paths that nothing joins the first by its place counts, in any order, and the other has no content', () => {
  const asked = questions();
  const devices = [disk('sda', '8:0'), part('sda1', '8:1', '8:0'), disk('sdb', '8:16'), part('sdb1', '8:17', '8:16')];
  for (const order of [devices, devices.toReversed()]) {
    const found = withPathsOnce(order, new Set(), places, asked);
    expect(found.map(({ name }) => name).sort()).toEqual(['sda', 'sdb', 'sdb1']);
    expect(found.find(({ name }) => name === 'sda')).toMatchObject({ sameAs: '8:16' });
    expect(found.find(({ name }) => name === 'sda')).not.toHaveProperty('fstype');
  }
  expect(asked.gaps[0]).toMatchObject({ subject: '/dev/sdb', hint: expect.stringContaining('multipathd') });
});

test('the one that is in use counts before the first', () => {
  const devices = [disk('sda', '8:0'), part('sda1', '8:1', '8:0'), disk('sdb', '8:16')];
  const found = withPathsOnce(devices, new Set(['8:1']), places, questions());
  expect(found.find(({ name }) => name === 'sdb')).toMatchObject({ sameAs: '8:0' });
});

test('what stands on a partition of the other path stands on the same partition of the first', () => {
  const mapped = (name: string, number: string, parent: string) =>
    disk(name, number, { type: 'crypt', parents: [parent] });
  const devices = [
    disk('sda', '8:0'),
    part('sda1', '8:1', '8:0'),
    mapped('dm-0', '253:0', '8:1'),
    disk('sdb', '8:16'),
    part('sdb1', '8:17', '8:16'),
    mapped('dm-1', '253:1', '8:17'),
    part('sda2', '8:2', '8:0'),
    mapped('dm-2', '253:2', '8:2'),
  ];
  const found = withPathsOnce(devices, new Set(['253:1']), places, questions());
  const parents = new Map(found.map(({ number, parents }) => [number, parents]));
  expect([...parents.keys()]).not.toContain('8:1');
  expect(parents.get('253:0')).toEqual(['8:17']);
  expect(parents.get('253:1')).toEqual(['8:17']);
  // The first path has no such partition.
  expect(parents.get('253:2')).toEqual(['8:16']);
});

test.each([
  ['another serial number', { serial: 'T' }],
  ['another WWN', { wwn: '0x5001' }],
  ['another size', { sizeBytes: 2048 }],
  ['paths that are joined', { inner: true as const }],
])('two disks with %s are two', (_, more) => {
  const asked = questions();
  const devices = [disk('sda', '8:0', 'inner' in more ? more : {}), disk('sdb', '8:16', more)];
  expect(withPathsOnce(devices, new Set(), places, asked)).toEqual(devices);
  expect(asked.gaps).toEqual([]);
});

test('a path keeps its id when the others are gone, and a partition of a map has the number that kpartx gives it', () => {
  const claims = { deviceId: () => undefined };
  const path = disk('sda', '8:0', { inner: true });
  expect(deviceIds([path, disk('sdb', '8:16', { inner: true })], places, claims).get('8:0')).toBe('disk:S@b');
  expect(deviceIds([path], places, claims).get('8:0')).toBe('disk:S@b');
  expect(partitionNumber(disk('dm-7', '253:7', { type: 'part', mapping: { name: 'x', uuid: 'part3-mpath-1' } }))).toBe(
    3,
  );
});
