/** Machines that start in another way, and tables of another kind: what comes of it, and that a plan can be made of that. */
import { expect, test } from 'vitest';
import { recordedLayout } from '../../../../test/helpers/recorded-layouts.ts';
import { gibibyte, mebibyte, only, planned, under } from '../../../../test/helpers/rewritten-plans.ts';
import { type ComponentOf, type Layout, parseLayout } from '../../types.ts';
import { ofKind } from './edit.ts';
import { rewritten } from './rewrites.ts';

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

test('BIOS to UEFI: an EFI system partition to be mounted, and back', async () => {
  const wanted = rewritten(await recordedLayout('lvm-on-md.debian12'), []).layout;
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
  const wanted = await recordedLayout('md-raid5-090.debian12');
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
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
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

test('logical partitions: of a GPT, with their numbers; and mirrored as they are', async () => {
  const wanted = oldMachine(await recordedLayout('md-raid1.debian12'));
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
