import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordedHost, type Recording, recordingSchema } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import { type ComponentOf, type Kind, type Layout, parseLayout } from '../types.ts';

const folder = join(import.meta.dirname, '../../../test/fixtures/lab');
const now = new Date('2026-11-21T12:00:00Z');

function recording(name: string): Recording {
  return recordingSchema.parse(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
}

async function captured(of: Recording): Promise<Layout> {
  return await captureLayout(recordedHost(of), now, new AbortController().signal);
}

const find = <K extends Kind>({ components }: Layout, kind: K): ComponentOf<K>[] =>
  components.filter((one): one is ComponentOf<K> => one.kind === kind);
const volume = (layout: Layout, name: string) => find(layout, 'lv').find((one) => one.name === name);

describe.each(['debian12', 'debian13'])('linear and striped volumes of %s', (release) => {
  test('devices and groups are as pvcreate and vgcreate were told', async () => {
    const layout = await captured(recording(`lvm-linear.${release}`));
    const id = (last: number) => `pv:0b0f1a-0400-4000-8000-0000-0000-00000${last}`;
    expect(Object.fromEntries(find(layout, 'pv').map((one) => [one.id, one]))).toMatchObject({
      [id(1)]: { startBytes: 4 << 20, tags: ['slow'], metadata: { copies: 2, ignored: 1 } },
      [id(2)]: { bootloaderArea: { sizeBytes: 1 << 20 }, metadata: { copies: 1 } },
      [id(3)]: { allocatable: false, metadata: { copies: 1, ignored: 1 } },
    });
    expect(find(layout, 'vg')).toMatchObject([
      {
        name: 'data',
        extentBytes: 1 << 20,
        maxVolumes: 20,
        maxPhysical: 9,
        allocation: 'cling',
        metadataCopies: '2',
        tags: ['backup', 'site=north'],
      },
      { name: 'other', extentBytes: 4 << 20, allocation: 'normal' },
    ]);
    expect(find(layout, 'vg')[0]?.on.toSorted()).toEqual([id(1), id(2), id(3)]);
  });

  test('volumes are as lvcreate was told', async () => {
    const layout = await captured(recording(`lvm-linear.${release}`));
    const a = 'pv:0b0f1a-0400-4000-8000-0000-0000-000001';
    const b = 'pv:0b0f1a-0400-4000-8000-0000-0000-000002';
    expect(volume(layout, 'in-pieces')).toMatchObject({
      tags: ['daily'],
      device: '/dev/mapper/data-in--pieces',
      segments: [
        { type: 'linear', start: 0, extents: 40, areas: [`${a}:0-39`] },
        { start: 40, extents: 30, areas: [`${a}:60-89`] },
        { start: 70, extents: 10, areas: [`${b}:0-9`] },
      ],
    });
    expect(volume(layout, 'between')).toMatchObject({ allocation: 'contiguous', readAheadBytes: 128 << 10 });
    expect(volume(layout, 'striped')?.segments).toMatchObject([
      { type: 'striped', stripes: 3, stripeBytes: 128 << 10 },
    ]);
    expect(volume(layout, 'fixed')).toMatchObject({ major: 253, minor: 77 });
    expect(volume(layout, 'asleep')).toMatchObject({ skipActivation: true });
    expect(volume(layout, 'asleep')).not.toHaveProperty('device');
    expect(volume(layout, 'all')).toMatchObject({ readOnly: true });
    expect(find(layout, 'swap')).toMatchObject([{ active: true, on: [volume(layout, 'swap.space_1+x')?.id] }]);
  });

  test('the text of a group says nothing of when it was written', async () => {
    for (const { backup = '', name } of find(await captured(recording(`lvm-linear.${release}`)), 'vg')) {
      expect(backup).toMatch(new RegExp(`^${name} \\{\\n`));
      expect(backup.slice(backup.lastIndexOf('\n}'))).toBe('\n}\ncontents = "Text Format Volume Group"\nversion = 1\n');
    }
  });
});

test('RAID: what lies on a volume is not taken for what lies on its images', async () => {
  const layout = await captured(recording('lvm-raid.debian11'));
  expect(find(layout, 'ext').every(({ on }) => on.length === 1 && on[0]?.startsWith('lv:'))).toBe(true);
  expect(new Set(find(layout, 'ext').map(({ uuid }) => uuid)).size).toBe(find(layout, 'ext').length);
  expect(volume(layout, 'one')).toMatchObject({
    raid: { writeBehind: 512, minRecoveryKiB: 128, maxRecoveryKiB: 4096 },
    segments: [{ type: 'raid1', stripes: 2, dataCopies: 2, regionBytes: 1 << 20 }],
  });
  const parts = volume(layout, 'one')?.parts ?? [];
  expect(parts.map(({ name }) => name).sort()).toEqual(['one_rimage_0', 'one_rimage_1', 'one_rmeta_0', 'one_rmeta_1']);
  expect(parts.filter(({ writeMostly }) => writeMostly).map(({ name }) => name)).toEqual(['one_rimage_1']);
  expect(volume(layout, 'five')).toMatchObject({ segments: [{ stripes: 3, dataStripes: 2, stripeBytes: 16 << 10 }] });
});

test('caches and pools have what they are made of, down to the devices', async () => {
  const layout = await captured(recording('lvm-cache.debian13'));
  const pooled = volume(layout, 'pooled');
  expect(pooled).toMatchObject({ pool: 'fast_cpool', segments: [{ type: 'cache' }] });
  const part = (name: string) => pooled?.parts?.find((one) => one.name === name);
  expect(part('fast_cpool')?.segments).toMatchObject([
    { type: 'cache-pool', chunkBytes: 64 << 10, cacheMode: 'writethrough', cachePolicy: 'smq' },
  ]);
  expect(part('fast_cpool_cdata')?.segments[0]?.areas[0]).toMatch(/^pv:/);
  expect(volume(layout, 'written')?.segments).toMatchObject([
    { type: 'writecache', cacheSettings: 'high_watermark=60,low_watermark=40' },
  ]);
  const bulk = volume(layout, 'bulk');
  expect(bulk).toMatchObject({
    metadataBytes: 8 << 20,
    segments: [{ chunkBytes: 256 << 10, zero: false, discards: 'nopassdown' }],
  });
  expect(volume(layout, 'thin')?.on).toEqual([bulk?.id]);
});

test('of a filesystem and its snapshots the first has the name that stays', async () => {
  const layout = await captured(recording('lvm-snapshot.debian11'));
  const on = (id: string) => find(layout, 'ext').find((one) => one.id === id)?.on;
  expect(on('filesystem:0b0f1a4e-0402-4000-8000-000000000001')).toEqual([volume(layout, 'home')?.id]);
  expect(on('filesystem:0b0f1a4e-0402-4000-8000-000000000002')).toEqual([volume(layout, 'safe')?.id]);
  expect(volume(layout, 'before')).toMatchObject({ origin: 'home', segments: [{ chunkBytes: 8 << 10 }] });
});

test.each(['pvs', 'vgs', 'lvs', 'pvck'])(
  '%s is missing, or prints nonsense: the rest is captured, and nothing has gone',
  async (tool) => {
    const whole = await captured(recording('lvm-thin.debian12'));
    for (const change of [
      { missing: true },
      { stdout: 'garbage' },
      { stdout: '{"report":[{"lv":[{}],"vg":[{}],"pv":[{}]}]}' },
    ]) {
      const broken = recording('lvm-thin.debian12');
      broken.commands = broken.commands.map((one) => (one.argv[0] === tool ? { ...one, ...change } : one));
      const layout = parseLayout(await captured(broken));
      expect(layout.gaps.length).toBeGreaterThan(0);
      const active = whole.components.filter((one) => one.kind !== 'lv' || one.device !== undefined);
      const kept = tool === 'lvs' ? active : whole.components;
      expect(layout.components.map(({ id }) => id)).toEqual(expect.arrayContaining(kept.map(({ id }) => id)));
      expect(layoutChanges(whole, layout)).toEqual([]);
      expect(layoutChanges(layout, whole)).toEqual([]);
    }
  },
);
