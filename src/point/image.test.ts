import { expect, test } from 'vitest';
import { layoutOf, mount, states } from '../../test/helpers/small-layout.ts';
import type { Component, ComponentOf } from '../layout/types.ts';

const ext = (id: string, on: string): Component => ({ kind: 'ext', id, on: [on], type: 'ext4', sizeBytes: 9 });

const loop = (more: Partial<ComponentOf<'loop'>> = {}): Component => ({
  kind: 'loop',
  id: 'loop:/data/disk.img',
  on: ['mount:/data'],
  device: '/dev/loop0',
  file: '/data/disk.img',
  sizeBytes: 9,
  readOnly: false,
  partitions: true,
  directIo: false,
  ...more,
});

const host = (...more: Component[]) =>
  layoutOf(
    {
      kind: 'disk',
      id: 'disk:A',
      on: [],
      device: '/dev/sda',
      sizeBytes: 9,
      rotational: false,
      removable: false,
      readOnly: false,
    },
    ext('fs', 'disk:A'),
    mount('/data', { on: ['fs'] }),
    ext('inner', 'loop:/data/disk.img'),
    ...more,
  );

test('what is in an image that nobody has mounted is held when the file is', () => {
  const layout = host(loop());
  expect(states(layout, ['/data'], [], 'ext')).toMatchObject({
    '/data/disk.img': 'covered: in the file /data/disk.img: included by /data',
  });
  expect(states(layout, ['/data'], ['*.img'], 'ext')).toMatchObject({
    '/data/disk.img': 'not-covered: not mounted: its files cannot be read',
  });
});

test('files of an image that is mounted and written to are held only by an include of their own', () => {
  const layout = host(loop(), mount('/inner', { on: ['inner'] }));
  expect(states(layout, ['/data'], [], 'mount')['/inner']).toBe('not-covered: add /inner to backup.include');
  expect(states(layout, ['/data'], [], 'ext')['/data/disk.img']).toMatch(/^not-covered: \/inner: add/);
  expect(states(layout, ['/data', '/inner'], ['/data/disk.img'], 'mount')['/inner']).toBe(
    'covered: included by /inner',
  );
  expect(states(layout, ['/data', '/inner'], ['/data/disk.img'], 'loop')['/data/disk.img']).toMatch(
    /^covered: made anew/,
  );
});

test('of one that is mounted read-only the file is enough', () => {
  const layout = host(loop(), mount('/inner', { on: ['inner'], options: 'ro,relatime' }));
  expect(states(layout, ['/data'], [], 'mount')['/inner']).toBe(
    'covered: in the file /data/disk.img: included by /data',
  );
});

test('a file that has been removed holds nothing', () => {
  const layout = host(loop({ removed: true }));
  expect(states(layout, ['/data'], [], 'ext')['/data/disk.img']).toBe(
    'not-covered: not mounted: its files cannot be read',
  );
});

test('what stands on an image and on a disk is not in the file', () => {
  const both: Component = {
    kind: 'btrfs',
    id: 'both',
    on: ['loop:/data/disk.img', 'disk:A'],
    type: 'btrfs',
    sizeBytes: 9,
  };
  expect(states(host(loop(), both), ['/data'], [], 'btrfs')['/data/disk.img']).toMatch(/^not-covered/);
});
