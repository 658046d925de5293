import { expect, test } from 'vitest';
import { recordedLayout } from '../../test/helpers/recorded-layouts.ts';
import type { Layout } from '../layout/types.ts';
import { checkMemory, checkSpace, copiesIn, imageBytes, reserveOf, usualLimitMs } from './room.ts';

const [MiB, GiB] = [1024 ** 2, 1024 ** 3];
const layout = (...components: object[]): Layout =>
  ({ format: 'lifeboat.layout/1', capturedAt: '', components, gaps: [] }) as unknown as Layout;
const md = (level: string, raidDevices: number) => ({
  kind: 'md',
  id: 'md:1',
  on: [],
  geometry: { level, raidDevices },
});
const btrfs = (...data: string[]) => ({ kind: 'btrfs', id: 'btrfs:1', on: [], geometry: { profiles: { data } } });

test('what is written is written as often as the host had it', () => {
  expect(copiesIn(layout())).toBe(1);
  expect(
    [md('raid0', 4), md('linear', 2), md('raid1', 3), md('raid10', 4), md('raid6', 6)].map((one) =>
      copiesIn(layout(one)),
    ),
  ).toEqual([1, 1, 3, 2, 2]);
  expect(
    [btrfs('single'), btrfs('raid0'), btrfs('raid1'), btrfs('raid1c4'), btrfs('dup')].map((one) =>
      copiesIn(layout(one)),
    ),
  ).toEqual([1, 1, 2, 4, 2]);
  expect(copiesIn(layout(md('raid1', 2), btrfs('raid1c3')))).toBe(3);
});

test('of a machine as it was recorded', async () => {
  expect(copiesIn(await recordedLayout('lvm-raid.debian11'))).toBeGreaterThan(1);
});

test('images take what is restored, and never more than their disks', () => {
  expect(imageBytes(layout(), 10 * GiB, [100 * GiB])).toBe(12 * GiB);
  expect(imageBytes(layout(md('raid1', 2)), 10 * GiB, [100 * GiB, 100 * GiB])).toBe(23 * GiB);
  expect(imageBytes(layout(), 10 * GiB, [2 * GiB, 3 * GiB])).toBe(5 * GiB);
});

test('where the disks would take what has to stay free, no drill begins', () => {
  expect([GiB, 40 * GiB, 10_000 * GiB].map(reserveOf)).toEqual([512 * MiB, 2 * GiB, 10 * GiB]);
  const space = { directory: '/var/lib/lifeboat', freeBytes: 20 * GiB, totalBytes: 40 * GiB };
  checkSpace('its disks', 18 * GiB, space);
  expect(() => checkSpace('its disks', 18 * GiB + 1, space)).toThrow(
    expect.objectContaining({
      code: 'no-space',
      message: expect.stringContaining('18.0 GiB'),
      hint: expect.stringContaining('--keep'),
    }),
  );
});

test('where the machine would take memory that the host needs, none is started', () => {
  const host = { availableMiB: 4096, totalMiB: 8192 };
  checkMemory(4096 - 256 - 410, host);
  expect(() => checkMemory(4096 - 256 - 409, host)).toThrow(
    expect.objectContaining({ code: 'no-memory', retryable: true, hint: expect.stringContaining('drill.memory') }),
  );
});

test('a limit that nobody has set is wide', () => {
  expect(usualLimitMs(0)).toBe(3 * 3_600_000);
  expect(usualLimitMs(1024 * GiB)).toBe(3 * 3_600_000 + 4096 * 60_000);
});
