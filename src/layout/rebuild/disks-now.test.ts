import { expect, test } from 'vitest';
import { localHost } from '../../host/local.ts';
import type { Host } from '../../host/host.ts';
import type { ComponentOf } from '../types.ts';
import { disksNow } from './disks-now.ts';

const { signal } = new AbortController();

/** One on which lsblk says that. */
function saying(blockdevices: readonly object[]): Host {
  const stdout = Buffer.from(JSON.stringify({ blockdevices }));
  return { ...localHost(), run: async () => await Promise.resolve({ code: 0, stdout, stderr: '' }) };
}

const node = (path: string, serial: string | null, more: object = {}) => ({
  path,
  type: 'disk',
  serial,
  wwn: null,
  model: 'M ',
  size: 1_000,
  ro: false,
  mountpoint: null,
  ...more,
});

const disk = (device: string, serial: string | undefined): ComponentOf<'disk'> => ({
  kind: 'disk',
  id: `disk:${serial ?? device}`,
  on: [],
  device,
  ...(serial === undefined ? {} : { serial }),
  model: 'M',
  sizeBytes: 1_000,
  rotational: false,
  removable: false,
  readOnly: false,
});

test('a disk is found under another name, with its partitions and who uses them; one that is not there is not', async () => {
  const part = { ...node('/dev/sdb1', null), type: 'part', children: [node('/dev/md0', null, { mountpoint: '/srv' })] };
  const host = saying([node('/dev/sda', 'B'), node('/dev/sdb', 'A', { ro: true, children: [part] })]);
  const found = await disksNow(host, [disk('/dev/sda', 'A'), disk('/dev/sdb', 'C')], signal);
  expect([...found]).toEqual([
    ['disk:A', { path: '/dev/sdb', partitions: ['/dev/sdb1'], sizeBytes: 1_000, readOnly: true, uses: ['/srv'] }],
  ]);
});

test('one in the place of another is not that one; who says nothing of itself is known by its name alone', async () => {
  const host = saying([node('/dev/sda', 'X'), node('/dev/vda', null), node('/dev/sdb', 'B', { model: 'Other' })]);
  const asked = [disk('/dev/sda', 'A'), disk('/dev/sdb', 'B'), disk('/dev/vda', undefined)];
  const found = await disksNow(host, asked, signal);
  expect([...found.keys()]).toEqual(['disk:/dev/vda']);
});

test('of two that say the same the one that was meant', async () => {
  const host = saying([node('/dev/sda', 'A'), node('/dev/sdb', 'A')]);
  expect((await disksNow(host, [disk('/dev/sdb', 'A')], signal)).get('disk:A')?.path).toBe('/dev/sdb');
});

test('of a disk over several paths the map is the one to write to, with its partitions', async () => {
  const part = { ...node('/dev/mapper/mpatha-part1', null), type: 'part' };
  const map = { ...node('/dev/mapper/mpatha', null), model: null, type: 'mpath', children: [part] };
  const host = saying([node('/dev/sdb', 'A', { children: [map] }), node('/dev/sdc', 'A', { children: [map] })]);
  const found = (await disksNow(host, [disk('/dev/mapper/mpatha', 'A')], signal)).get('disk:A');
  expect(found).toMatchObject({ path: '/dev/mapper/mpatha', partitions: ['/dev/mapper/mpatha-part1'] });
});

test('lsblk is asked for what stands on disks', async () => {
  const asked: string[][] = [];
  const host: Host = {
    ...saying([]),
    run: async (argv, options, inner) => {
      asked.push([...argv]);
      return await saying([]).run(argv, options, inner);
    },
  };
  await disksNow(host, [], signal);
  // Without the name, it lists everything side by side.
  expect(asked[0]?.at(-1)?.split(',')).toContain('NAME');
});
