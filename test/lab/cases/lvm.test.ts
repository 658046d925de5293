/** Stacks of LVM: what was captured is what its own tools say, and its text is one that `vgcfgrestore` takes. */
import { expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { capturedLvm, toldByLvm } from '../lvm-witness.ts';
import { labOptions, makeStack, parseDisk, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(scenes('lvm-'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab(labOptions(stack, release), signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps.filter(({ problem }) => !problem.includes('EFI system partition'))).toEqual([]);
  expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
  const said = capturedLvm(layout);
  expect(said).toEqual(await toldByLvm(lab.host, signal));
  for (const one of layout.components) {
    // Of a group that lacks a device no text can be restored.
    if (one.kind !== 'vg' || said.backups[one.name] === undefined) continue;
    await lab.host.write('/tmp/text', Buffer.from(one.backup ?? ''), {}, signal);
    await lab.host.run(['vgcfgrestore', '--test', '--yes', '--force', '--file', '/tmp/text', one.name], {}, signal);
  }
});

test('a group on a device that hangs: it is named, and of the other group all is told', {
  timeout: 900_000,
}, async () => {
  const disks = ['A=128M', 'B=128M'].map(parseDisk);
  await using lab = await startLab({ disks }, signal);
  await makeStack({ name: 'hanging', disks, releases: [], script: hanging }, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps.map(({ subject }) => subject)).toEqual(expect.arrayContaining(['/dev/mapper/slow']));
  const volumes = layout.components.filter((one) => one.kind === 'lv');
  expect(volumes.find(({ name }) => name === 'two')).toMatchObject({ segments: [{ type: 'linear', extents: 4 }] });
  expect(volumes.find(({ name }) => name === 'hung-one')).toMatchObject({ sizeBytes: 16 << 20, segments: [] });
  expect(layout.components.filter(({ kind }) => kind === 'pv')).toHaveLength(2);
});

/** A device behind the first 2 MiB of a disk, so that what lies on it is not seen on the disk, too. */
const hanging = `
set -eux
echo "0 $(($(blockdev --getsz "$A") - 4096)) linear $A 4096" | dmsetup create slow
vgcreate hung /dev/mapper/slow
lvcreate --wipesignatures n --size 16m --name one hung
vgcreate fine "$B"
lvcreate --wipesignatures n --size 16m --name two fine
udevadm settle
dmsetup suspend --nolockfs slow
`;
