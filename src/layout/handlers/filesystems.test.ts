/** Filesystems of the lab's stacks, as each release made them: what mkfs was told is what the geometry says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordedHost } from '../../host/recorded.ts';
import { coverage } from '../../point/coverage.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import type { ComponentOf, Kind, Layout } from '../types.ts';

const { signal } = new AbortController();

async function captured(stack: string, release: string): Promise<Layout> {
  const file = join(import.meta.dirname, `../../../test/fixtures/lab/${stack}.${release}.json`);
  return await captureLayout(recordedHost(JSON.parse(readFileSync(file, 'utf8'))), new Date(), signal);
}

const of = <K extends Kind>({ components }: Layout, kind: K): ComponentOf<K>[] =>
  components.filter((one): one is ComponentOf<K> => one.kind === kind);

describe.each(['debian11', 'debian12', 'debian13'])('%s', (release) => {
  test('exFAT, JFS and NTFS', async () => {
    const layout = await captured('fs-foreign', release);
    expect(of(layout, 'exfat')).toMatchObject([
      { label: 'CARD', sizeBytes: 64 << 20, geometry: { sectorSize: 512, tableCount: 1, revision: '1.0' } },
      { sizeBytes: 64 << 20, geometry: { clusterBytes: 64 << 10, totalSectors: 131072 } },
    ]);
    // Aligned to 4 MiB on the disk, before which the partition begins.
    const { clustersStart = 0, hiddenSectors = 0 } = of(layout, 'exfat')[1]?.geometry ?? {};
    expect(((clustersStart + hiddenSectors) * 512) % (4 << 20)).toBe(0);
    expect(of(layout, 'jfs')).toMatchObject([
      { label: 'other', geometry: { blockSize: 4096, caseInsensitive: false, log: { blockCount: 256 } } },
      { sizeBytes: 64 << 20, geometry: { caseInsensitive: true, log: { blockCount: 512 } } },
    ]);
    expect(of(layout, 'ntfs')).toMatchObject([
      {
        label: 'windows',
        geometry: { sectorSize: 512, clusterBytes: 8192, hiddenSectors: 2048, heads: 255, sectorsPerTrack: 63 },
      },
      { geometry: { sectorSize: 4096, clusterBytes: 4096, recordBytes: 4096 } },
    ]);
    expect(of(layout, 'filesystem')).toEqual([]);
  });

  test('a btrfs with all its devices, and the subvolumes of which it is made', async () => {
    const layout = await captured('fs-btrfs-raid1', release);
    const [system] = of(layout, 'btrfs');
    const numbers = system?.geometry?.devices?.map(({ devid, on }) => [devid, on]);
    expect(numbers).toEqual([
      [1, of(layout, 'partition')[1]?.id],
      [2, 'disk:B'],
      [3, 'disk:C'],
    ]);
    expect(system?.geometry).toMatchObject({
      checksum: 'xxhash64',
      nodeSize: 32768,
      deviceCount: 3,
      profiles: { data: ['raid1'], metadata: ['raid1'], system: ['raid1'] },
      quota: [{ maxReferenced: 100 << 20 }],
    });
    const subvolumes = new Map(of(layout, 'subvolume').map((one) => [one.path, one]));
    expect([...subvolumes.keys()].sort()).toEqual([
      '@',
      '@/var/lib/machines',
      '@home',
      '@home-tried',
      '@snapshots',
      '@snapshots/first one',
      '@srv',
    ]);
    expect(subvolumes.get('@')).toMatchObject({ isDefault: true, readOnly: false });
    expect(subvolumes.get('@home')).toMatchObject({ compression: 'zstd' });
    expect(subvolumes.get('@srv')).toMatchObject({ nocow: true, maxReferencedBytes: 100 << 20 });
    const snapshot = subvolumes.get('@snapshots/first one');
    expect(snapshot).toMatchObject({ readOnly: true, parentUuid: subvolumes.get('@')?.uuid });
    const mounted = of(layout, 'mount').flatMap(({ path, on, fstype }) => (fstype === 'btrfs' ? [[path, ...on]] : []));
    expect(mounted).toEqual([
      ['/mnt/system', subvolumes.get('@')?.id],
      ['/mnt/system/home', subvolumes.get('@home')?.id],
      ['/mnt/system/srv', subvolumes.get('@srv')?.id],
    ]);
  });

  test('a btrfs of which a device is gone says how large that was', async () => {
    const layout = await captured('fs-btrfs-degraded', release);
    const [pool] = of(layout, 'btrfs');
    expect(pool?.geometry).toMatchObject({ deviceCount: 3 });
    expect(pool?.geometry?.devices).toEqual([
      { devid: 1, sizeBytes: 256 << 20, on: 'disk:A' },
      { devid: 2, sizeBytes: 256 << 20 },
      { devid: 3, sizeBytes: 256 << 20, on: 'disk:C' },
    ]);
    expect(pool?.on).toHaveLength(2);
    const whole = structuredClone(layout);
    for (const one of whole.components)
      if (one.kind === 'btrfs' && one.geometry?.devices?.[1] !== undefined) one.geometry.devices[1].on = 'disk:B';
    expect(layoutChanges(whole, layout)).toMatchObject([{ attribute: 'geometry.devices', change: 'changed' }]);
  });

  test('disks of 3 TiB and of sectors of 4096 bytes', async () => {
    const large = await captured('fs-3t', release);
    expect(of(large, 'partition')).toMatchObject([
      { startBytes: 1 << 20, sizeBytes: 2.5 * 1024 ** 4 },
      { startBytes: 2.5 * 1024 ** 4 + (1 << 20), sizeBytes: 512 << 20 },
    ]);
    expect(of(large, 'xfs')).toMatchObject([{ sizeBytes: 2.5 * 1024 ** 4 }]);
    const native = await captured('fs-4k', release);
    expect(of(native, 'disk').map(({ logicalSector }) => logicalSector)).toEqual([4096, 4096]);
    expect(of(native, 'table')).toMatchObject([{ geometry: { sectorSize: 4096, firstSector: 256 } }]);
    expect(of(native, 'vfat')).toMatchObject([{ geometry: { sectorSize: 4096, bits: 32 } }]);
    expect(of(native, 'xfs')).toMatchObject([{ geometry: { sectorSize: 4096 } }]);
  });

  test('swap on a volume, in a file and in memory', async () => {
    const layout = await captured('fs-swap', release);
    expect(of(layout, 'swap').map(({ on, active, file }) => [on[0]?.replace(/:.*/, ''), active, file])).toEqual([
      ['lv', true, undefined],
      ['zram', true, undefined],
      ['mount', true, '/mnt/data/swapfile'],
    ]);
    expect(of(layout, 'zram')[0]).toMatchObject({
      sizeBytes: 96 << 20,
      geometry: { algorithm: 'zstd', memoryLimitBytes: 48 << 20 },
    });
    // It is made anew at every start, with another UUID.
    const later = structuredClone(layout);
    for (const one of later.components) if (one.kind === 'swap' && one.on[0] === 'zram:0') one.id = 'swap:another';
    expect(layoutChanges(layout, later)).toEqual([]);
  });

  test('images, one in another', async () => {
    const layout = await captured('fs-loop', release);
    const loops = new Map(of(layout, 'loop').map((one) => [one.file, one]));
    expect(loops.get('/mnt/data/images/disk one.img')).toMatchObject({ on: ['mount:/mnt/data'], partitions: true });
    expect(loops.get('/mnt/image/inner.img')).toMatchObject({ on: ['mount:/mnt/image'], readOnly: true });
    expect(loops.get('/mnt/data/behind.img')).toMatchObject({
      offsetBytes: 1 << 20,
      limitBytes: 32 << 20,
      sectorSize: 4096,
    });
    expect(loops.get('/mnt/data/gone.img')).toMatchObject({ removed: true });
    const held = (...include: string[]) =>
      new Map(coverage(layout, { include, exclude: [] }).map(({ id, state, reason }) => [id, `${state}: ${reason}`]));
    const files = held('/mnt/data');
    // The file is read while it is written to; only an include of its own reads what is in it.
    expect(files.get('mount:/mnt/image')).toBe('not-covered: add /mnt/image to backup.include');
    expect(files.get('mount:/mnt/inner')).toBe('not-covered: add /mnt/inner to backup.include');
    expect(files.get('loop:/mnt/data/gone.img')).toMatch(/^not-covered: its file has been removed/);
    const both = held('/mnt/data', '/mnt/image');
    expect(both.get('mount:/mnt/image')).toBe('covered: included by /mnt/image');
    expect(both.get('mount:/mnt/inner')).toBe('covered: in the file /mnt/image/inner.img: included by /mnt/image');
  });
});
