/** Rules that change on how many disks something lies: what comes of them, and that a plan can be made of that. */
import { expect, test } from 'vitest';
import { recordedLayout } from '../../../../test/helpers/recorded-layouts.ts';
import { gibibyte, mebibyte, only, planned, under } from '../../../../test/helpers/rewritten-plans.ts';
import { ofKind } from './edit.ts';
import { rewritten } from './rewrites.ts';

test('a mirror becomes one disk: the other is not needed, and its partition says what is on it', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const plan = planned(wanted, [{ rule: 'no-raid' }], [512 * mebibyte]);
  expect(ofKind(plan.layout, 'md')).toEqual([]);
  expect(under(plan.layout, only(ofKind(plan.layout, 'ext')).id)).toEqual(['disk:NEW0']);
  expect(ofKind(plan.layout, 'partition').map(({ typeId }) => typeId)).toEqual([
    'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
    '0fc63daf-8483-4772-8e79-3d69d8477de4',
  ]);
  // What was before its data is its own now.
  const [ext, partition] = [only(ofKind(plan.layout, 'ext')), ofKind(plan.layout, 'partition')[1]];
  expect(ext.sizeBytes).toBe(partition?.sizeBytes);
  expect(plan.notes).toEqual([
    expect.stringContaining('is no raid1 any more'),
    expect.stringContaining('disk:B is left out'),
    expect.stringContaining('not seen when it was captured, by the names of then: /dev/sda1'),
    expect.stringContaining('not seen when it was captured, by the names of then: /dev/sdb1'),
  ]);
});

test('of two arrays on the same disks each is given up by itself, and of both by one rule', async () => {
  const wanted = await recordedLayout('fs-esp-md.debian12');
  expect(() => rewritten(wanted, [{ rule: 'no-raid' }])).toThrow('several things');
  const both = [
    { rule: 'no-raid', target: 'esp' },
    { rule: 'no-raid', target: 'boot' },
  ];
  const one = planned(wanted, both, [256 * mebibyte]);
  expect(one.layout.components.filter(({ kind }) => kind === 'md')).toEqual([]);
  const all = planned(wanted, [{ rule: 'one-disk', target: 'A' }], [256 * mebibyte]);
  expect(all.layout.components.map(({ id }) => id).sort()).toEqual(one.layout.components.map(({ id }) => id).sort());
});

test('one disk is mirrored onto a second, and back', async () => {
  const wanted = rewritten(await recordedLayout('md-raid1.debian12'), [{ rule: 'no-raid' }]).layout;
  const plan = planned(wanted, [{ rule: 'mirror' }], [512 * mebibyte, 512 * mebibyte]);
  const array = only(ofKind(plan.layout, 'md'));
  expect(under(plan.layout, array.id)).toEqual(['disk:NEW0', 'disk:NEW1']);
  expect(array.geometry).toMatchObject({ level: 'raid1', raidDevices: 2, metadata: '1.2' });
  expect(only(ofKind(plan.layout, 'ext')).on).toEqual([array.id]);
  const uuids = ofKind(plan.layout, 'partition').map(({ partUuid }) => partUuid);
  expect(new Set(uuids).size).toBe(4);
  const { layout: back } = rewritten(rewritten(wanted, [{ rule: 'mirror' }]).layout, [{ rule: 'no-raid' }]);
  expect(ofKind(back, 'ext')).toEqual(ofKind(wanted, 'ext'));
  expect(ofKind(back, 'partition').map(({ id }) => id)).toEqual(ofKind(wanted, 'partition').map(({ id }) => id));
});

test('what was spread over several disks lies on one', async () => {
  const raid0 = planned(await recordedLayout('md-raid0.debian12'), [{ rule: 'one-disk', target: 'A' }], [gibibyte]);
  expect(only(ofKind(raid0.layout, 'ext')).on).toEqual(['disk:NEW0']);
  const group = planned(
    await recordedLayout('lvm-linear.debian12'),
    [{ rule: 'one-disk', target: 'A' }],
    [gibibyte],
    ['disk:D'],
  );
  expect(only(ofKind(group.layout, 'pv')).on).toEqual(['disk:NEW0']);
  expect(ofKind(group.layout, 'lv').flatMap(({ segments }) => segments.map(({ type }) => type))).not.toContain(
    'striped',
  );
  const spread = planned(
    await recordedLayout('fs-btrfs-raid1.debian12'),
    [{ rule: 'one-disk', target: 'A' }],
    [512 * mebibyte],
  );
  expect(only(ofKind(spread.layout, 'btrfs'))).toMatchObject({
    geometry: { deviceCount: 1, profiles: { data: ['single'], metadata: ['dup'] } },
  });
});

test('what is on a disk of its own comes as a partition more; a disk without partitions has no place for that', async () => {
  const wanted = await recordedLayout('lvm-thin.debian12');
  const monday = ofKind(wanted, 'lv').find(({ name }) => name === 'monday')?.id ?? '';
  const plan = planned(wanted, [{ rule: 'one-disk', target: 'A' }], [2 * gibibyte], [monday]);
  const partition = only(ofKind(plan.layout, 'partition'));
  expect(partition.sizeBytes).toBeGreaterThan(gibibyte - 4 * mebibyte);
  const whole = await recordedLayout('fs-whole.debian12');
  expect(() => rewritten(whole, [{ rule: 'one-disk', target: 'A' }])).toThrow('has no partitions');
});
