import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asNobody } from '../../test/helpers/as-nobody.ts';
import { machine, machineWithDisks, type Release, releases } from '../../test/helpers/machines.ts';
import { localHost } from '../host/local.ts';
import { recordedHost } from '../host/recorded.ts';
import type { Jsonable } from '../kernel/json.ts';
import { nameFromBytes } from '../kernel/text.ts';
import { captureLayout } from './capture.ts';
import { layoutChanges } from './diff.ts';
import { layoutTree } from './tree.ts';
import { type Component, type Layout, parseLayout } from './types.ts';

const now = new Date('2026-11-21T12:00:00Z');
const uuid = (number: string): string => `0b0f1a4e-0${number}-4000-8000-000000000${number}`;

const find = <K extends Component['kind']>(layout: Layout, kind: K) =>
  layout.components.filter((component): component is Extract<Component, { kind: K }> => component.kind === kind);

describe.each(releases)('a recorded machine of %s', (release: Release) => {
  const capture = async (signal: AbortSignal) => await captureLayout(recordedHost(machine(release)), now, signal);

  test('all of it is in the graph, and nothing was asked that it does not answer', async ({ signal }) => {
    const layout = await capture(signal);
    const plain: Jsonable<Layout> = layout;
    expect(parseLayout(JSON.parse(JSON.stringify(plain)))).toEqual(layout);
    expect(layout.gaps).toEqual([]);
    const kinds = Map.groupBy(layout.components, ({ kind }) => kind);
    expect(Object.fromEntries([...kinds].map(([kind, found]) => [kind, found.length]))).toMatchObject({
      table: 3,
      partition: 24,
      ext: 7,
      xfs: 2,
      btrfs: 2,
      subvolume: 8,
      vfat: 4,
      f2fs: 1,
      swap: 3,
      pv: 2,
    });
  });

  test('partition tables: both kinds, and sectors of 4096 bytes', async ({ signal }) => {
    const layout = await capture(signal);
    expect(find(layout, 'table')).toMatchObject([
      {
        type: 'gpt',
        uuid: uuid('100'),
        geometry: { sectorSize: 512, firstSector: 2048, lastSector: 8388574, entries: 128, alignmentBytes: 1 << 20 },
      },
      { type: 'dos', uuid: '0x1b0f1a4e', geometry: { sectorSize: 512 } },
      { type: 'gpt', geometry: { sectorSize: 4096, firstSector: 256, lastSector: 307194 } },
    ]);
    const [gpt, mbr, native] = find(layout, 'table').map(({ id }) => id);
    const partitions = find(layout, 'partition');
    expect(partitions.filter(({ on }) => on[0] === gpt)).toMatchObject([
      { number: 1, typeId: '21686148-6449-6e6f-744e-656564454649', startBytes: 2048 * 512, sizeBytes: 1 << 20 },
      { number: 2, name: 'EFI "system" pärt\\1', flags: '0x1', partUuid: uuid('102') },
      { number: 3, name: "boot 'n' $loader", flags: '0x4', typeId: 'bc13c2ff-59e6-4262-a352-b275fd6f7172' },
      { number: 4, name: 'root & <co>', flags: '0x1000000000000000' },
      { number: 5, name: 'data' },
      { number: 6, flags: '0x9000000000000000' },
      { number: 7, name: 'ハードディスク' },
      { number: 8 },
      { number: 9 },
      { number: 10 },
      { number: 12, name: 'after a number that is not there' },
      { number: 13 },
    ]);
    const primary = partitions.filter(({ on }) => on[0] === mbr);
    expect(primary).toMatchObject([
      { number: 1, role: 'primary', typeId: '0x6', flags: '0x80' },
      { number: 2, role: 'primary' },
      { number: 3, role: 'extended', typeId: '0xf', sizeBytes: 600 << 20 },
      { number: 4, role: 'primary', typeId: '0x1' },
    ]);
    const logical = partitions.filter(({ on }) => on[0] === primary[2]?.id);
    expect(logical.map(({ number, role }) => [number, role])).toEqual(
      [5, 6, 7, 8].map((number) => [number, 'logical']),
    );
    expect(partitions.filter(({ on }) => on[0] === native)).toMatchObject([
      { number: 1, startBytes: 1 << 20, sizeBytes: 300 << 20, name: 'EFI on 4Kn' },
      { number: 2, startBytes: 301 << 20 },
      { number: 3 },
      { number: 4 },
    ]);
  });

  test('ext2, ext3 and ext4: the geometry that mke2fs was told', async ({ signal }) => {
    const layout = await capture(signal);
    const all = new Map(find(layout, 'ext').map((one) => [one.uuid, one]));
    expect(all.get(uuid('303'))).toMatchObject({
      type: 'ext2',
      label: 'boot',
      geometry: { blockSize: 1024, inodeSize: 128, reservedBlocks: 0 },
    });
    const root = all.get(uuid('304'));
    expect(root).toMatchObject({
      type: 'ext4',
      label: 'root "a"\\b c',
      sizeBytes: 1400 << 20,
      geometry: {
        blockSize: 4096,
        blockCount: 358400,
        inodeSize: 512,
        reservedBlocks: 10752,
        stride: 16,
        stripeWidth: 64,
        maxMounts: 30,
        checkIntervalSeconds: 90 * 86400,
        onErrors: 'Remount read-only',
        defaultMountOptions: ['acl', 'discard', 'user_xattr'],
        journal: { sizeBytes: 16 << 20 },
      },
    });
    // It is mounted, and that is no feature.
    expect(root?.geometry?.features).toContain('has_journal');
    expect(root?.geometry?.features).not.toContain('needs_recovery');
    expect(root?.usedBytes).toBeGreaterThan(100 << 20);
    expect(all.get(uuid('30c'))).toMatchObject({ type: 'ext3', geometry: { journal: { sizeBytes: 4 << 20 } } });
    const odd = all.get(uuid('315'))?.geometry;
    expect(odd?.features).toEqual(expect.arrayContaining(['bigalloc', 'casefold', 'inline_data', 'project', 'quota']));
    expect(odd).toMatchObject({
      clusterSize: 16384,
      quotas: ['project', 'user'],
      encoding: expect.stringMatching(/^utf8/),
    });
    expect(all.get(uuid('323'))?.geometry).not.toHaveProperty('journal');
  });

  test('xfs: stripes, features, and the log', async ({ signal }) => {
    const [data, native] = find(await capture(signal), 'xfs');
    expect(data).toMatchObject({
      label: 'data/1',
      uuid: uuid('305'),
      sizeBytes: 512 << 20,
      geometry: {
        inodeSize: 1024,
        groupCount: 2,
        stripeUnit: 16,
        stripeWidth: 64,
        inodePercent: 25,
        log: { external: false, blockCount: 16384, version: 2, stripeUnit: 16 },
      },
    });
    expect(data?.geometry?.features).toEqual(expect.arrayContaining(['crc', 'finobt', 'ftype', 'reflink', 'sparse']));
    expect(native?.geometry).toMatchObject({ sectorSize: 4096, log: { sectorSize: 4096 } });
    expect(native?.geometry?.absentFeatures).toContain('reflink');
    // Features that only later tools know are neither on nor off in the earlier ones.
    const later = release === 'debian13' || release === 'debian-sid';
    expect(data?.geometry?.features.includes('nrext64')).toBe(later);
  });

  test('btrfs: devices, profiles, subvolumes, default, quota, nocow', async ({ signal }) => {
    const layout = await capture(signal);
    const [tank, mixed] = find(layout, 'btrfs');
    const devices = find(layout, 'partition').filter(({ id }) => tank?.on.includes(id));
    expect(devices.map(({ number }) => number)).toEqual([7, 6]);
    expect(tank).toMatchObject({
      label: 'tank 1',
      uuid: uuid('307'),
      sizeBytes: 512 << 20,
      geometry: {
        nodeSize: 16384,
        checksum: 'crc32c',
        deviceCount: 2,
        devices: [{ devid: 1 }, { devid: 2 }],
        profiles: { data: ['raid1'], metadata: ['raid1'], system: ['raid1'] },
        quota: [
          { id: '0/256', parents: ['1/7'], maxExclusive: 32 << 20 },
          { id: '1/7', maxReferenced: 64 << 20, parents: [] },
        ],
      },
    });
    expect(mixed?.geometry).toMatchObject({ checksum: 'xxhash64', profiles: { 'data+metadata': ['single'] } });
    expect(mixed?.geometry).not.toHaveProperty('quota');
    const subvolumes = find(layout, 'subvolume');
    expect(subvolumes.map(({ path, readOnly, isDefault, nocow }) => [path, readOnly, isDefault, nocow])).toEqual([
      ['@', false, true, false],
      ['@home', false, false, false],
      ['@home/cache', false, false, false],
      ['@home/cache/deep er', false, false, false],
      ['snap', false, false, false],
      ['snap/home 1', true, false, false],
      ['snap/writable', false, false, false],
      ['@/vm', false, false, true],
    ]);
    const home = subvolumes.find(({ path }) => path === '@home');
    expect(subvolumes.find(({ path }) => path === 'snap/home 1')?.parentUuid).toBe(home?.uuid);
    expect(home?.attributes).toBe('c');
    const mounts = find(layout, 'mount').filter(({ fstype }) => fstype === 'btrfs');
    expect(Object.fromEntries(mounts.map(({ path, on }) => [path, on]))).toMatchObject({
      '/home': [home?.id],
      '/mnt/top': [tank?.id],
    });
  });

  test('FAT12, FAT16 and FAT32, from their boot sectors', async ({ signal }) => {
    const all = find(await capture(signal), 'vfat');
    expect(all.map(({ uuid: id, label, geometry }) => [id, label, geometry?.bits, geometry?.sectorSize])).toEqual([
      ['1A2B-3C4D', 'EFI SYS', 32, 512],
      ['1616-1616', 'DOS', 16, 512],
      ['1212-1212', undefined, 12, 512],
      ['4B4B-4B4B', 'EFI4K', 16, 4096],
    ]);
    expect(all[0]?.geometry).toMatchObject({ sectorsPerCluster: 1, tableCount: 2, hiddenSectors: 4096 });
  });

  test('swap: devices and a file, in use or not, in fstab or not', async ({ signal }) => {
    expect(find(await capture(signal), 'swap')).toMatchObject([
      { label: 'swap ä', uuid: uuid('306'), sizeBytes: 16 << 20, active: true, fstab: { type: 'swap' } },
      { uuid: uuid('317'), active: false },
      { file: '/swap file', sizeBytes: 8 << 20, active: true, on: ['mount:/'], fstab: {} },
    ]);
  });

  test('mounts, as they are and as fstab would have them', async ({ signal }) => {
    const layout = await capture(signal);
    const mounts = new Map(find(layout, 'mount').map((one) => [one.path, one]));
    const esp = find(layout, 'vfat')[0];
    expect(mounts.get('/boot/efi')).toMatchObject({ mounted: false, on: [esp?.id], fstab: { pass: 1 } });
    expect(mounts.get('/srv/data store')).toMatchObject({ mounted: true, category: 'local', fstab: {} });
    expect(mounts.get('/srv/bind')).toMatchObject({ category: 'bind', fstab: {} });
    expect(mounts.get('/mnt/overlay')).toMatchObject({ category: 'overlay', fstab: {} });
    expect(mounts.get('/tmp')).toMatchObject({ category: 'memory', fstab: {} });
    expect(mounts.get('/mnt/nfs')).toMatchObject({
      mounted: false,
      category: 'network',
      source: 'nas.example.net:/export/a b',
    });
    expect(mounts.get('/mnt/cifs')).toMatchObject({ mounted: false, category: 'network' });
    const odd = [...mounts.keys()].find((path) => path.includes('\n'));
    expect(odd).toBe('/mnt/na me\nnew"q\\x41ä\udcff\u001b[31m');
    expect(mounts.get(odd ?? '')?.on).toEqual([`filesystem:${uuid('30c')}`]);
    expect(mounts.get('/srv/lower/deep')?.on).toEqual([`filesystem:${uuid('30c')}`]);
  });

  test('what cannot be made anew yet is named with its size', async ({ signal }) => {
    const layout = await capture(signal);
    const members = find(layout, 'unknown').filter(({ device }) => device === undefined);
    expect(members).toEqual([]);
    expect(
      find(layout, 'filesystem')
        .map(({ type }) => type)
        .sort(),
    ).toEqual(['squashfs']);
  });
});

test('the tree shows it all, and no raw escape sequence', async ({ signal }) => {
  const text = layoutTree(await captureLayout(recordedHost(machineWithDisks('debian12')), now, signal));
  expect(text).toMatchSnapshot();
  // oxlint-disable-next-line no-control-regex -- that none is there
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
});

test('what an old lsblk does not tell is asked of the kernel, of the table, or left out', async ({ signal }) => {
  const recording = machine('debian11');
  for (const command of recording.commands) {
    if (command.argv[0] !== 'lsblk') continue;
    command.stdout = command.stdout.replace(
      /"(start|mountpoints|fsroots|partn|partflags)": ?(\[[^\]]*\]|[^,\n]*),/g,
      '',
    );
  }
  const layout = await captureLayout(recordedHost(recording), now, signal);
  const expected = await captureLayout(recordedHost(machine('debian11')), now, signal);
  expect(find(layout, 'partition')).toEqual(find(expected, 'partition'));
});

describe('this machine, against what the kernel says', () => {
  test('all mounts and disks, and nothing else; and nothing is changed by it', async ({ signal }) => {
    await using host = localHost();
    const before = readFileSync('/proc/self/mountinfo');
    const layout = await captureLayout(host, now, signal);
    const after = readFileSync('/proc/self/mountinfo');
    if (before.equals(after)) {
      const paths = nameFromBytes(after)
        .trimEnd()
        .split('\n')
        .map((line) =>
          (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, code: string) =>
            String.fromCharCode(Number.parseInt(code, 8)),
          ),
        );
      const seen = find(layout, 'mount').filter(({ mounted }) => mounted);
      expect(seen.map(({ path }) => path).sort()).toEqual(paths.sort());
    }
    const shown = new Set(
      layout.components.flatMap((one) => ('device' in one ? [one.device?.slice('/dev/'.length)] : [])),
    );
    for (const name of readdirSync('/sys/block')) {
      const sectors = Number(readFileSync(join('/sys/block', name, 'size'), 'utf8'));
      if (sectors === 0 || name.startsWith('ram') || name.startsWith('loop')) continue;
      expect(shown, name).toContain(name);
      const found = layout.components.find((one) => 'device' in one && one.device === `/dev/${name}`);
      expect(found).toMatchObject({ sizeBytes: sectors * 512 });
    }
    expect(() => parseLayout(JSON.parse(JSON.stringify(layout)))).not.toThrow();
  });

  test.skipIf(process.geteuid?.() !== 0)(
    'who is not root gets what can be seen, and the rest named (needs root to become another)',
    async ({ signal }) => {
      await using host = localHost();
      const layout = await captureLayout(asNobody(host), now, signal);
      const [root] = find(layout, 'mount').filter(({ path }) => path === '/');
      expect(root?.usedBytes).toBeGreaterThan(0);
      const asRoot = await captureLayout(host, now, signal);
      expect(find(layout, 'disk').map(({ id }) => id)).toEqual(find(asRoot, 'disk').map(({ id }) => id));
      expect(layoutChanges(layout, asRoot)).toEqual([]);
      expect(layoutChanges(asRoot, layout)).toEqual([]);
    },
  );
});
