/** Stacks of md: what was captured is what mdadm and the kernel say. The witness reads their output by itself. */
import { expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { mdWitness, saidOfMd } from '../md-witness.ts';
import { makeStack, parseDisk, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(scenes('md-'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(mdGaps(layout)).toEqual([]);
  const witness = await mdWitness(lab.host, signal);
  const arrays = layout.components.filter((one) => one.kind === 'md');
  expect(new Set(arrays.map(({ uuid }) => uuid))).toEqual(new Set(witness.keys()));
  for (const array of arrays) expect(saidOfMd(array, layout)).toEqual(witness.get(array.uuid ?? ''));
});

const mdGaps = ({ gaps }: Layout) => gaps.filter(({ problem }) => !problem.includes('EFI system partition'));

test('a member that hangs, and one whose superblock is gone: the rest is there', { timeout: 900_000 }, async () => {
  const disks = ['A=128M', 'B=128M', 'C=128M', 'D=128M'].map(parseDisk);
  await using lab = await startLab({ disks }, signal);
  await makeStack({ name: 'hanging', disks, releases: [], script: hanging }, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  const arrays = new Map(layout.components.flatMap((one) => (one.kind === 'md' ? [[one.geometry?.name, one]] : [])));
  expect(new Set(arrays.keys())).toEqual(new Set(['builder:damaged', 'builder:hung']));
  expect(arrays.get('builder:hung')?.on, JSON.stringify(layout, undefined, 1)).toHaveLength(2);
  expect(arrays.get('builder:hung')).not.toHaveProperty('missing');
  expect(layout.gaps.map(({ subject }) => subject)).toContain('/dev/mapper/first');
  expect(arrays.get('builder:damaged')).toMatchObject({ state: 'stopped', missing: 1, geometry: { raidDevices: 2 } });
  expect(layout.components.filter(({ kind }) => kind === 'disk')).toHaveLength(disks.length);
});

const hanging = `
set -eux
echo "0 $(blockdev --getsz "$A") linear $A 0" | dmsetup create first
echo "0 $(blockdev --getsz "$B") linear $B 0" | dmsetup create second
make() { mdadm --create "/dev/md/$1" --run --assume-clean --level=1 --raid-devices=2 --bitmap=none --name="$1" --homehost=builder "$2" "$3"; }
make hung /dev/mapper/first /dev/mapper/second
make damaged "$C" "$D"
udevadm settle
mdadm --stop /dev/md/damaged
dd if=/dev/zero of="$C" bs=4096 count=4 conv=notrunc,fsync
udevadm settle
dmsetup suspend --nolockfs first
`;
