/** Machines that changed between a plan and its first write: what is refused, also when the plan is gone on with. */
import { beforeAll, expect, test } from 'vitest';
import { recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import type { Component, ComponentOf, Layout } from '../types.ts';
import type { Plan } from './document.ts';
import { planLayout } from './plan.ts';
import { disksOf } from './site.ts';
import { refuseChanged } from './unchanged.ts';

let wanted: Layout;
/** Two disks without a serial number, on which nothing is. */
let found: Layout;
let plan: Plan;

const nameless = (number: number, device: string): ComponentOf<'disk'> => ({
  kind: 'disk',
  id: `disk:pci-0000:00:0${number}.0`,
  on: [],
  device,
  busPath: `pci-0000:00:0${number}.0`,
  sizeBytes: 8 * 2 ** 30,
  rotational: false,
  removable: false,
  readOnly: false,
});

beforeAll(async () => {
  wanted = await recordedLayout('raid1-lvm-luks.debian12');
  found = { ...wanted, gaps: [], components: [nameless(5, '/dev/vda'), nameless(6, '/dev/vdb')] };
  plan = planLayout({ wanted, found, blank: new Set(disksOf(found).map(({ id }) => id)) });
});

const pathsIn = (layout: Layout) => new Map(disksOf(layout).map(({ id, device }) => [id, device]));
const withMore = (...more: readonly Component[]): Layout => ({ ...found, components: [...found.components, ...more] });

const filesystem = (on: string): Component => ({
  kind: 'swap',
  id: `swap:${on}`,
  on: [on],
  uuid: `of ${on}`,
  sizeBytes: 1 << 30,
  active: false,
});

test('a machine as it was', () => {
  expect(() => refuseChanged(plan, found, pathsIn(found), new Set())).not.toThrow();
});

test('a disk that nothing but its name tells from others, and that has the name of another now', () => {
  const exchanged = { ...found, components: [nameless(5, '/dev/vdb'), nameless(6, '/dev/vda')] };
  expect(() => refuseChanged(plan, exchanged, pathsIn(found), new Set())).toThrow(
    'the disk disk:pci-0000:00:05.0 is not /dev/vda any more',
  );
});

test('a disk was plugged in that has a group of the same name, which LVM would be told to remove', () => {
  const group = wanted.components.find(({ kind }) => kind === 'vg');
  if (group?.kind !== 'vg') throw new Error('no group was recorded');
  const disk = nameless(7, '/dev/vdc');
  const volume: Component = { kind: 'pv', id: 'pv:other', on: [disk.id], uuid: 'other', sizeBytes: 1 << 30 };
  const other = withMore(disk, volume, { ...group, id: 'vg:other', uuid: 'other', on: [volume.id] });
  for (const begun of [new Set<string>(), new Set(plan.actions.map(({ id }) => id))]) {
    expect(() => refuseChanged(plan, other, pathsIn(other), begun)).toThrow('would be there twice');
  }
});

test('of a plan that is gone on with, a disk for which nothing has begun is compared, and no other', () => {
  const [a = '', b = ''] = plan.disks.map(({ id }) => id);
  const begun = new Set([`mark ${a}`]);
  expect(plan.actions.some(({ id }) => begun.has(id))).toBe(true);
  expect(() => refuseChanged(plan, withMore(filesystem(a)), pathsIn(found), begun)).not.toThrow();
  expect(() => refuseChanged(plan, withMore(filesystem(b)), pathsIn(found), begun)).toThrow(
    'the disks are not as they were',
  );
});

test('what a plan itself had mounted when it was cut off is in nobody’s way; anything else is', () => {
  const [id = ''] = plan.disks.map((disk) => disk.id);
  const recorded = wanted.components.find(({ kind }) => kind === 'mount');
  if (recorded?.kind !== 'mount') throw new Error('no mount was recorded');
  const mount = (path: string): Component => ({ ...recorded, id: `mount:${path}`, on: [id], path, mounted: true });
  const own = withMore(mount('/run/lifeboat/btrfs-1'));
  const all = new Set(plan.actions.map((action) => action.id));
  expect(() => refuseChanged(plan, own, pathsIn(found), all)).not.toThrow();
  expect(() => refuseChanged(plan, own, pathsIn(found), new Set())).toThrow('mounted at');
  expect(() => refuseChanged(plan, withMore(mount('/srv')), pathsIn(found), all)).toThrow('mounted at /srv');
});
