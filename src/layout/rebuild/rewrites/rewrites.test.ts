/** Rules that change what filesystems are and lie on, what is left out, and how errors name them: on recorded machines. */
import { expect, test } from 'vitest';
import { recordedLayout } from '../../../../test/helpers/recorded-layouts.ts';
import { gibibyte, mebibyte, only, planned } from '../../../../test/helpers/rewritten-plans.ts';
import { type Layout, parseLayout } from '../../types.ts';
import { leftOutBy } from '../named.ts';
import { ofKind } from './edit.ts';
import { type RewriteRequest, rewritten } from './rewrites.ts';

test('XFS and btrfs in place of another: within their limits, with what shows it', async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const root = ofKind(wanted, 'ext').find(({ label }) => label === 'root');
  if (root === undefined) throw new Error('no root');
  const large: Layout = {
    ...wanted,
    components: wanted.components.map((one) => (one.id === root.id ? { ...root, sizeBytes: 400 * mebibyte } : one)),
  };
  for (const rule of ['xfs', 'btrfs'] as const) {
    const { layout, notes } = rewritten(large, [{ rule, target: '/mnt/root' }]);
    const made = ofKind(layout, rule).find(({ label }) => label === 'root');
    expect(made).toMatchObject({ type: rule, renewed: true, uuid: root.uuid, sizeBytes: 400 * mebibyte, on: root.on });
    const mount = ofKind(layout, 'mount').find(({ path }) => path === '/mnt/root');
    expect(mount).toMatchObject({ on: [made?.id], fstype: rule, options: 'defaults' });
    expect(notes).toEqual([expect.stringContaining(`"root" is ${rule} instead of ext4`)]);
    expect(() => rewritten(layout, [{ rule, target: '/mnt/root' }])).toThrow(`it is ${rule} already`);
  }
  expect(() => rewritten(wanted, [{ rule: 'xfs', target: '/mnt/root' }])).toThrow('it is too small for xfs');
  const labelled: Layout = {
    ...large,
    components: large.components.map((one) => (one.id === root.id ? { ...one, label: 'thirteen-long' } : one)),
  };
  expect(() => rewritten(labelled, [{ rule: 'xfs', target: root.id }])).toThrow('its label is too long for xfs');
  expect(rewritten(labelled, [{ rule: 'btrfs', target: root.id }]).layout).toBeDefined();
});

test('a btrfs of which several parts are shown at one place becomes another filesystem with what shows it', async () => {
  const wanted = await recordedLayout('fs-mounts.debian12');
  const [btrfs] = ofKind(wanted, 'btrfs');
  const { layout } = rewritten(wanted, [{ rule: 'ext4', target: btrfs?.id ?? '' }]);
  expect(() => parseLayout(layout)).not.toThrow();
  expect(ofKind(layout, 'subvolume')).toEqual([]);
});

test('LUKS is left away, or is made with another key under its old UUID', async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const bare = rewritten(wanted, [{ rule: 'no-luks' }]);
  expect(ofKind(bare.layout, 'luks')).toEqual([]);
  expect(only(ofKind(bare.layout, 'pv')).on).toEqual([only(ofKind(bare.layout, 'md')).id]);
  const renewed = rewritten(wanted, [{ rule: 'new-luks' }]);
  const before = only(ofKind(wanted, 'luks'));
  expect(only(ofKind(renewed.layout, 'luks'))).toMatchObject({
    id: before.id,
    renewed: true,
    geometry: { cipher: before.geometry?.cipher, slots: [] },
  });
});

test('a thin pool: its volumes are plain ones, unless one is a snapshot', async () => {
  const wanted = await recordedLayout('lvm-thin.debian12');
  expect(() => rewritten(wanted, [{ rule: 'no-thin', target: 'thin/pool' }])).toThrow('monday in it is a snapshot');
  const monday = ofKind(wanted, 'lv').find(({ name }) => name === 'monday')?.id ?? '';
  const plan = planned(wanted, [{ rule: 'no-thin' }], [512 * mebibyte, 512 * mebibyte], [monday]);
  const data = ofKind(plan.layout, 'lv').find(({ name }) => name === 'data');
  expect(data?.segments.map(({ type }) => type)).toEqual(['linear']);
  // It had promised 2 GiB, and gets what is there.
  expect(data?.sizeBytes).toBeLessThan(gibibyte);
  expect(ofKind(plan.layout, 'lv').map(({ name }) => name)).not.toContain('pool');
});

test('another filesystem: it, and what mounts it', async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const { layout } = rewritten(wanted, [{ rule: 'ext4', target: '/mnt/root/data' }]);
  const made = ofKind(layout, 'ext').find(({ label }) => label === 'data');
  expect(made).toMatchObject({ type: 'ext4', renewed: true });
  expect(ofKind(layout, 'mount').find(({ path }) => path === '/mnt/root/data')).toMatchObject({
    on: [made?.id],
    fstype: 'ext4',
  });
  expect(() => rewritten(wanted, [{ rule: 'ext4', target: '/mnt/root' }])).toThrow('it is ext4 already');
});

test('what is left out by where it is mounted takes with it what holds nothing else', async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const left = leftOutBy(wanted, '/mnt/root/data');
  const kinds = wanted.components.filter(({ id }) => left.has(id)).map(({ kind }) => kind);
  expect(kinds.sort()).toEqual(['lv', 'mount', 'xfs']);
  const byId = ofKind(wanted, 'xfs')[0]?.id ?? '';
  expect(leftOutBy(wanted, byId)).toEqual(new Set([byId]));
});

test('errors name the rules, and what could be rewritten', async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const refused = (request: RewriteRequest) => expect(() => rewritten(wanted, [request]));
  refused({ rule: 'no-riad' }).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('Did you mean no-raid?') }),
  );
  refused({ rule: 'no-luks', target: 'system' }).toThrow(expect.objectContaining({ code: 'usage' }));
  refused({ rule: 'no-luks', target: '/mnt/root' }).toThrow(
    expect.objectContaining({ code: 'unsupported', hint: expect.stringContaining('--rewrite no-luks=luks:') }),
  );
});
