/** The space solver: over the layouts of the recorded stacks, and over random ones. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { debian12Machines, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import { randomLayout } from '../../../test/helpers/random-layouts.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { type Component, type ComponentOf, type Layout, parseLayout } from '../types.ts';
import { fitted } from './fit.ts';
import { leastBytes } from './rooms/filesystems.ts';

test.each(debian12Machines)('%s: on disks of the same sizes nothing changes', async (name) => {
  const layout = await recordedLayout(name);
  expect(fitted(layout)).toEqual(layout);
});

const grows = ({ kind }: Component): boolean => kind === 'ext' || kind === 'xfs';
const disksOf = ({ components }: Layout) => components.filter((one) => one.kind === 'disk');
const scaled = (layout: Layout, factors: readonly number[]) =>
  new Map(
    disksOf(layout).map(({ id, sizeBytes }, index) => [
      id,
      factors[index] === 1 ? sizeBytes : Math.floor((sizeBytes * (factors[index] ?? 1)) / (1 << 20)) * (1 << 20),
    ]),
  );

describe('random layouts on disks of other sizes', () => {
  test('what is made fits: nothing overlaps or ends beyond what it is on, all is aligned, and no filesystem is below its least', () => {
    let refused = 0;
    let runs = 0;
    const factor = fc.oneof(fc.constant(1), fc.double({ min: 0.3, max: 3, noNaN: true }));
    fc.assert(
      fc.property(
        randomLayout,
        fc.array(factor, { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        (layout, factors, grow) => {
          runs++;
          const options = { sizes: scaled(layout, factors), ...(grow ? { grows } : {}) };
          let result: Layout;
          try {
            result = fitted(layout, options);
          } catch (error) {
            expect(error).toBeInstanceOf(LifeboatError);
            expect(error).toMatchObject({ code: 'no-space' });
            refused++;
            // What was there fits where it was.
            expect(factors.some((one) => one < 1)).toBe(true);
            return;
          }
          expect(parseLayout(JSON.parse(JSON.stringify(result)))).toEqual(result);
          expect(fitted(layout, options)).toEqual(result);
          checkFits(layout, result);
          // What was made to fit needs no change on the same disks.
          expect(fitted(result)).toEqual(result);
        },
      ),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(runs / 20);
    expect(refused).toBeLessThan((runs * 3) / 4);
  });
});

function checkFits(before: Layout, after: Layout): void {
  const byId = new Map(after.components.map((component) => [component.id, component]));
  const was = new Map(before.components.map((component) => [component.id, component]));
  for (const component of after.components) {
    const room = roomOf(byId.get(component.on[0] ?? ''));
    if (component.kind === 'table') checkTable(component, byId, after);
    if (component.kind === 'vg') checkGroup(component, after);
    if (component.kind === 'pv') expect(component.sizeBytes).toBeLessThanOrEqual(room);
    if (component.kind === 'md' && component.geometry?.level === 'raid1' && component.geometry.metadata === '1.2') {
      for (const id of component.on) expect(component.sizeBytes).toBeLessThanOrEqual(roomOf(byId.get(id)) - (1 << 20));
    }
    if (component.kind === 'ext' || component.kind === 'xfs') {
      const old = was.get(component.id);
      if (old?.kind === component.kind) expect(component.sizeBytes).toBeGreaterThanOrEqual(leastBytes(old));
      expect(component.sizeBytes).toBeLessThanOrEqual(room);
    }
  }
}

function roomOf(component: Component | undefined): number {
  if (component?.kind === 'luks') return component.sizeBytes - (component.geometry?.offsetBytes ?? 0);
  return component !== undefined && 'sizeBytes' in component ? (component.sizeBytes ?? 0) : 0;
}

function checkTable(table: ComponentOf<'table'>, byId: ReadonlyMap<string, Component>, layout: Layout): void {
  const size = roomOf(byId.get(table.on[0] ?? ''));
  const sector = table.geometry?.sectorSize ?? 512;
  let end = table.type === 'gpt' ? 2 * sector + 128 * 128 : sector;
  const partitions = layout.components.filter((one) => one.kind === 'partition' && one.on.includes(table.id));
  for (const one of partitions.flatMap((item) => (item.kind === 'partition' ? [item] : []))) {
    expect((one.startBytes ?? 0) % (1 << 20)).toBe(0);
    expect(one.sizeBytes % sector).toBe(0);
    expect(one.startBytes ?? 0).toBeGreaterThanOrEqual(end);
    end = (one.startBytes ?? 0) + one.sizeBytes;
  }
  expect(end).toBeLessThanOrEqual(table.type === 'gpt' ? size - sector - 128 * 128 : Math.min(size, 2 ** 32 * sector));
}

function checkGroup(group: ComponentOf<'vg'>, layout: Layout): void {
  const extent = group.extentBytes ?? 0;
  const volumes = layout.components.filter((one) => one.kind === 'lv' && one.on.includes(group.id));
  const taken = volumes.reduce((total, one) => total + (one.kind === 'lv' ? one.sizeBytes : 0), 0);
  const physical = layout.components.filter((one) => one.kind === 'pv' && group.on.includes(one.id));
  const there = physical.reduce((total, one) => total + Math.floor((roomOf(one) - (1 << 20)) / extent), 0);
  expect(taken).toBeLessThanOrEqual(there * extent);
  expect(volumes.every((one) => one.kind === 'lv' && one.sizeBytes % extent === 0)).toBe(true);
}

test('a btrfs over several disks takes of each its own part, and room for each of its copies', async () => {
  const layout = await recordedLayout('fs-btrfs-raid1.debian12');
  const sizes = scaled(layout, [2, 1, 1, 1, 1, 1]);
  const partOf = ({ components }: Layout) =>
    components.flatMap((one) =>
      one.kind === 'btrfs' ? [one.geometry?.devices?.map(({ sizeBytes }) => sizeBytes)] : [],
    );
  // On larger disks it stays as it is, disk by disk, unless it is told to grow.
  expect(partOf(fitted(layout, { sizes }))).toEqual(partOf(layout));
  const [grown = []] = partOf(fitted(layout, { sizes, grows: ({ kind }) => kind === 'btrfs' }));
  expect(grown[0]).toBeGreaterThan(partOf(layout)[0]?.[0] ?? 0);
  const [btrfs] = layout.components.filter((one) => one.kind === 'btrfs');
  if (btrfs === undefined) throw new Error('no btrfs');
  expect(leastBytes({ ...btrfs, usedBytes: 400 << 20 })).toBe((400 * 1.25 * 2 + 256) << 20);
});

test('partitions as they were in the days of cylinders lie at whole sectors of a disk with larger ones', () => {
  const disk: ComponentOf<'disk'> = {
    kind: 'disk',
    id: 'disk:A',
    on: [],
    device: '/dev/sda',
    sizeBytes: 8 * 2 ** 30,
    logicalSector: 512,
    rotational: true,
    removable: false,
    readOnly: false,
  };
  const geometry = { sectorSize: 512, alignmentBytes: 512 };
  const table: Component = { kind: 'table', id: 'table:A', on: [disk.id], type: 'dos', geometry };
  const place = { startBytes: 63 * 512, sizeBytes: 1_000_001 * 512 };
  const partition: Component = { kind: 'partition', id: 'p', on: [table.id], device: '/dev/sda1', number: 1, ...place };
  const layout: Layout = {
    format: 'lifeboat.layout/1',
    capturedAt: '2026-11-21T12:00:00.000Z',
    components: [disk, table, partition],
    gaps: [],
  };
  const { components } = fitted(layout, { sectors: new Map([[disk.id, 4096]]) });
  const moved = components.find((one) => one.kind === 'partition');
  expect((moved?.startBytes ?? 1) % 4096).toBe(0);
  expect((moved?.sizeBytes ?? 1) % 4096).toBe(0);
  expect(moved?.sizeBytes).toBeGreaterThanOrEqual(place.sizeBytes);
  expect(fitted(layout, { sectors: new Map([[disk.id, 512]]) })).toBe(layout);
});
