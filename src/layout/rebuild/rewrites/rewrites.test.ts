/** Each rule on recorded machines: what comes of it, and that a plan can be made of that. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedHost } from '../../../host/recorded.ts';
import { captureLayout } from '../../capture.ts';
import { type ComponentOf, type Kind, type Layout, parseLayout } from '../../types.ts';
import { leftOutBy } from '../named.ts';
import { planLayout } from '../plan.ts';
import { siteOf } from '../site.ts';
import { type RewriteRequest, rewritten } from './rewrites.ts';

const folder = join(import.meta.dirname, '../../../../test/fixtures/lab');
const { signal } = new AbortController();

async function recorded(name: string): Promise<Layout> {
  const recording: unknown = JSON.parse(readFileSync(join(folder, `${name}.debian12.json`), 'utf8'));
  return parseLayout(await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal));
}

const ofKind = <K extends Kind>(layout: Layout, kind: K): ComponentOf<K>[] =>
  layout.components.filter((one): one is ComponentOf<K> => one.kind === kind);

const only = <T>(list: readonly T[]): T => {
  const [one] = list;
  if (one === undefined || list.length !== 1) throw new Error(`${list.length} things, and not one`);
  return one;
};

/** A plan for blank disks of these sizes. */
function planned(
  wanted: Layout,
  rewrites: readonly RewriteRequest[],
  sizes: readonly number[],
  exclude: readonly string[] = [],
) {
  const [like] = ofKind(wanted, 'disk');
  if (like === undefined) throw new Error('a machine without disks');
  const components = sizes.map((sizeBytes, index) => ({
    ...like,
    id: `disk:NEW${index}`,
    serial: `NEW${index}`,
    device: `/dev/sd${'abcd'[index]}`,
    sizeBytes,
  }));
  const found: Layout = { ...wanted, components, gaps: [] };
  return planLayout({
    wanted,
    found,
    blank: new Set(components.map(({ id }) => id)),
    rewrites,
    exclude: new Set(exclude),
  });
}

const under = (layout: Layout, id: string): readonly string[] => siteOf(layout.components).disksUnder(id);
const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;

test('a mirror becomes one disk: the other is not needed, and its partition says what is on it', async () => {
  const wanted = await recorded('md-raid1');
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
    expect.stringContaining('not seen when it was captured: /dev/sda1'),
    expect.stringContaining('not seen when it was captured: /dev/sdb1'),
  ]);
});

test('of two arrays on the same disks each is given up by itself, and of both by one rule', async () => {
  const wanted = await recorded('fs-esp-md');
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
  const wanted = rewritten(await recorded('md-raid1'), [{ rule: 'no-raid' }]).layout;
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
  const raid0 = planned(await recorded('md-raid0'), [{ rule: 'one-disk', target: 'A' }], [gibibyte]);
  expect(only(ofKind(raid0.layout, 'ext')).on).toEqual(['disk:NEW0']);
  const group = planned(await recorded('lvm-linear'), [{ rule: 'one-disk', target: 'A' }], [gibibyte], ['disk:D']);
  expect(only(ofKind(group.layout, 'pv')).on).toEqual(['disk:NEW0']);
  expect(ofKind(group.layout, 'lv').flatMap(({ segments }) => segments.map(({ type }) => type))).not.toContain(
    'striped',
  );
  const spread = planned(await recorded('fs-btrfs-raid1'), [{ rule: 'one-disk', target: 'A' }], [512 * mebibyte]);
  expect(only(ofKind(spread.layout, 'btrfs'))).toMatchObject({
    geometry: { deviceCount: 1, profiles: { data: ['single'], metadata: ['dup'] } },
  });
});

test('what is on a disk of its own comes as a partition more; a disk without partitions has no place for that', async () => {
  const wanted = await recorded('lvm-thin');
  const monday = ofKind(wanted, 'lv').find(({ name }) => name === 'monday')?.id ?? '';
  const plan = planned(wanted, [{ rule: 'one-disk', target: 'A' }], [2 * gibibyte], [monday]);
  const partition = only(ofKind(plan.layout, 'partition'));
  expect(partition.sizeBytes).toBeGreaterThan(gibibyte - 4 * mebibyte);
  const whole = await recorded('fs-whole');
  expect(() => rewritten(whole, [{ rule: 'one-disk', target: 'A' }])).toThrow('has no partitions');
});

test('BIOS to UEFI: an EFI system partition to be mounted, and back', async () => {
  const wanted = rewritten(await recorded('lvm-on-md'), []).layout;
  const disk = ofKind(wanted, 'table')[0]?.on[0] ?? '';
  const { layout } = rewritten(wanted, [{ rule: 'uefi', target: disk }]);
  const esp = ofKind(layout, 'partition').find(({ name }) => name === 'EFI system');
  expect(esp).toMatchObject({ typeId: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b', sizeBytes: 512 * mebibyte });
  expect(only(ofKind(layout, 'vfat'))).toMatchObject({ renewed: true, on: [esp?.id] });
  expect(ofKind(layout, 'mount').find(({ path }) => path === '/boot/efi')?.fstab?.type).toBe('vfat');
  expect(only(ofKind(layout, 'boot'))).toMatchObject({ firmware: 'uefi' });
  const { layout: back } = rewritten(layout, [{ rule: 'bios', target: disk }]);
  expect(only(ofKind(back, 'boot'))).toMatchObject({ firmware: 'bios' });
  expect(ofKind(back, 'vfat')).toEqual([]);
  expect(ofKind(back, 'mount').map(({ path }) => path)).not.toContain('/boot/efi');
  expect(ofKind(back, 'partition').find(({ number }) => number === esp?.number)).toMatchObject({
    typeId: '21686148-6449-6e6f-744e-656564454649',
    sizeBytes: mebibyte,
  });
});

test('an MBR becomes a GPT in which partitions keep their numbers', async () => {
  const wanted = await recorded('md-raid5-090');
  const mbr = ofKind(wanted, 'table').find(({ type }) => type === 'dos');
  if (mbr === undefined) throw new Error('no MBR recorded');
  const { layout } = rewritten(wanted, [{ rule: 'uefi', target: mbr.on[0] ?? '' }]);
  const table = ofKind(layout, 'table').find(({ id }) => id === mbr.id);
  expect(table).toMatchObject({ type: 'gpt', geometry: { entries: 128 } });
  const numbers = (of: Layout) =>
    ofKind(of, 'partition')
      .filter(({ id, role }) => role !== 'extended' && under(of, id).includes(mbr.on[0] ?? ''))
      .map(({ number }) => number);
  expect(numbers(layout)).toEqual(expect.arrayContaining(numbers(wanted)));
  expect(ofKind(layout, 'partition').filter(({ role }) => role !== undefined && role !== 'primary')).toEqual([]);
});

test('UEFI to BIOS: what is in place of the EFI system partition, and where that cannot be', async () => {
  const wanted = await recorded('raid1-lvm-luks');
  const disk = ofKind(wanted, 'table')[0]?.on[0] ?? '';
  const esps = (layout: Layout) => ofKind(layout, 'vfat').length;
  const { layout, notes } = rewritten(wanted, [{ rule: 'bios', target: disk }]);
  expect(esps(layout)).toBe(esps(wanted) - 1);
  const boot = ofKind(layout, 'partition').find(({ typeId }) => typeId === '21686148-6449-6e6f-744e-656564454649');
  expect(boot).toMatchObject({ sizeBytes: mebibyte, number: 1 });
  expect(under(layout, boot?.id ?? '')).toEqual([disk]);
  expect(ofKind(layout, 'md')).toEqual(ofKind(wanted, 'md'));
  expect(notes).toEqual([
    `the EFI system partition of ${disk} is not there any more`,
    expect.stringContaining('needs a boot loader'),
  ]);
  expect(rewritten(wanted, [{ rule: 'bios', target: disk }]).layout).toEqual(layout);
  expect(() => rewritten(layout, [{ rule: 'bios', target: disk }])).toThrow('it has no EFI system partition');
  // On an MBR the loader needs no partition.
  const old = oldMachine(wanted);
  const mbr: Layout = {
    ...old,
    components: old.components
      .filter(({ id }) => id !== 'swap:1')
      .map((one) => (one.kind === 'partition' && one.number === 1 ? { ...one, typeId: '0xef' } : one)),
  };
  const bare = rewritten(mbr, [{ rule: 'bios' }]).layout;
  expect(ofKind(bare, 'partition').map(({ number }) => number)).toEqual([2, 5, 6]);
  // Kernels on it would be lost.
  const partition = ofKind(wanted, 'partition').find(({ on }) => on.includes(`table:${disk}`));
  const esp = ofKind(wanted, 'vfat').find(({ on }) => on.includes(partition?.id ?? ''));
  const [mount] = ofKind(wanted, 'mount').filter(({ category }) => category === 'local');
  if (mount === undefined || esp === undefined) throw new Error('no mount, or no EFI system partition');
  const kernels = { ...mount, id: 'mount:/boot', path: '/boot', on: [esp.id] };
  const full: Layout = { ...wanted, components: [...wanted.components, kernels] };
  expect(() => rewritten(full, [{ rule: 'bios', target: disk }])).toThrow(
    'the kernels lie on the EFI system partition',
  );
});

test('XFS and btrfs in place of another: within their limits, with what shows it', async () => {
  const wanted = await recorded('raid1-lvm-luks');
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
  const wanted = await recorded('fs-mounts');
  const [btrfs] = ofKind(wanted, 'btrfs');
  const { layout } = rewritten(wanted, [{ rule: 'ext4', target: btrfs?.id ?? '' }]);
  expect(() => parseLayout(layout)).not.toThrow();
  expect(ofKind(layout, 'subvolume')).toEqual([]);
});

/** A disk with an MBR as installers of old made it: what is not in the first partition is in logical ones. */
function oldMachine(like: Layout): Layout {
  const [disk] = ofKind(like, 'disk');
  if (disk === undefined) throw new Error('a machine without disks');
  const part = (
    number: number,
    on: string,
    startMiB: number,
    sizeMiB: number,
    typeId: string,
  ): ComponentOf<'partition'> => ({
    kind: 'partition',
    id: `partition:1b2c3d4e-0${number}`,
    on: [on],
    device: `/dev/sda${number}`,
    number,
    role: number > 4 ? 'logical' : typeId === '0x5' ? 'extended' : 'primary',
    startBytes: startMiB * mebibyte,
    sizeBytes: sizeMiB * mebibyte,
    typeId,
    partUuid: `1b2c3d4e-0${number}`,
    ...(number === 1 ? { flags: '0x80' } : {}),
  });
  const swap = (partition: string, number: number): ComponentOf<'swap'> => ({
    kind: 'swap',
    id: `swap:${number}`,
    on: [partition],
    uuid: `0b0f1a4e-0000-4000-8000-00000000000${number}`,
    sizeBytes: 100 * mebibyte,
    active: false,
  });
  const table = `table:${disk.id}`;
  return parseLayout({
    ...like,
    components: [
      { ...disk, sizeBytes: gibibyte },
      { kind: 'table', id: table, on: [disk.id], type: 'dos', uuid: '0x1b2c3d4e', geometry: { sectorSize: 512 } },
      part(1, table, 1, 100, '0x82'),
      part(2, table, 101, 800, '0x5'),
      part(5, 'partition:1b2c3d4e-02', 102, 100, '0x82'),
      part(6, 'partition:1b2c3d4e-02', 203, 100, '0x82'),
      ...[1, 5, 6].map((number) => swap(`partition:1b2c3d4e-0${number}`, number)),
    ],
    gaps: [],
  });
}

test('logical partitions: of a GPT, with their numbers; and mirrored as they are', async () => {
  const wanted = oldMachine(await recorded('md-raid1'));
  const gpt = planned(wanted, [{ rule: 'uefi' }], [2 * gibibyte]);
  const numbers = (plan: typeof gpt) => ofKind(plan.layout, 'partition').map(({ number, role }) => [number, role]);
  expect(numbers(gpt)).toEqual([
    [1, undefined],
    [5, undefined],
    [6, undefined],
    [2, undefined],
  ]);
  expect(
    ofKind(gpt.layout, 'partition').every(({ flags, typeId }) => flags === undefined && !typeId?.startsWith('0x')),
  ).toBe(true);
  const pair = planned(wanted, [{ rule: 'mirror' }], [gibibyte, gibibyte]);
  expect(ofKind(pair.layout, 'md')).toHaveLength(3);
  const copies = ofKind(pair.layout, 'partition').slice(4);
  expect(copies.map(({ number, role }) => [number, role])).toEqual(numbers(pair).slice(0, 4));
  // What the kernel will call them follows from the signature of their table.
  const signature = ofKind(pair.layout, 'table')[1]?.uuid?.slice(2);
  expect(copies.map(({ partUuid }) => partUuid)).toEqual(['01', '02', '05', '06'].map((one) => `${signature}-${one}`));
});

test('LUKS is left away, or is made with another key under its old UUID', async () => {
  const wanted = await recorded('raid1-lvm-luks');
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
  const wanted = await recorded('lvm-thin');
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
  const wanted = await recorded('raid1-lvm-luks');
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
  const wanted = await recorded('raid1-lvm-luks');
  const left = leftOutBy(wanted, '/mnt/root/data');
  const kinds = wanted.components.filter(({ id }) => left.has(id)).map(({ kind }) => kind);
  expect(kinds.sort()).toEqual(['lv', 'mount', 'xfs']);
  const byId = ofKind(wanted, 'xfs')[0]?.id ?? '';
  expect(leftOutBy(wanted, byId)).toEqual(new Set([byId]));
});

test('errors name the rules, and what could be rewritten', async () => {
  const wanted = await recorded('raid1-lvm-luks');
  const refused = (request: RewriteRequest) => expect(() => rewritten(wanted, [request]));
  refused({ rule: 'no-riad' }).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('Did you mean no-raid?') }),
  );
  refused({ rule: 'no-luks', target: 'system' }).toThrow(expect.objectContaining({ code: 'usage' }));
  refused({ rule: 'no-luks', target: '/mnt/root' }).toThrow(
    expect.objectContaining({ code: 'unsupported', hint: expect.stringContaining('--rewrite no-luks=luks:') }),
  );
});
