import { expect, test } from 'vitest';
import { withoutFalseTables } from './superfloppy.ts';
import { parseLsblk } from './tools/lsblk.ts';

const partition = (start: number) => ({ name: 'sda1', 'maj:min': '8:1', type: 'part', size: 9, start, fstype: 'vfat' });
const disk = (more: object) => ({ name: 'sda', 'maj:min': '8:0', type: 'disk', size: 9, pttype: 'dos', ...more });
const namesOf = (...blockdevices: object[]) =>
  withoutFalseTables(parseLsblk(JSON.stringify({ blockdevices }))).map(({ name, table }) => [name, table]);

test('a FAT on a whole disk has neither a table nor a partition', () => {
  expect(namesOf(disk({ fstype: 'vfat', children: [partition(0)] }))).toEqual([['sda', undefined]]);
});

test('a table with partitions that begin behind it is one, whatever lies in its sector', () => {
  expect(namesOf(disk({ children: [partition(2048)] }))).toEqual([
    ['sda', 'dos'],
    ['sda1', undefined],
  ]);
  expect(namesOf(disk({ fstype: 'vfat', children: [partition(2048)] }))).toEqual([
    ['sda', 'dos'],
    ['sda1', undefined],
  ]);
});
