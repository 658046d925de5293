/** Disks over several paths, and over a network: what was captured is what multipath, the kernel and open-iscsi say. */
import { expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { layoutChanges } from '../../../src/layout/diff.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { pathsWitness, saidOfPaths } from '../paths-witness.ts';
import { makeStack, parseDisk, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');
const gapsOf = ({ gaps }: Layout) => gaps.filter(({ problem }) => !problem.includes('EFI system partition'));

test.each([...scenes('multipath-'), ...scenes('iscsi-')])(
  '$stack.name $release',
  { timeout: 900_000 },
  async ({ release, stack }) => {
    await using lab = await startLab({ release, disks: stack.disks }, signal);
    await makeStack(stack, lab, signal);
    const layout = parseLayout(await captureLayout(lab.host, now, signal));
    expect(gapsOf(layout)).toEqual([]);
    expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
    expect(saidOfPaths(layout)).toEqual(await pathsWitness(lab.host, signal));
    expect(JSON.stringify(layout)).not.toContain('not-to-be-seen');
    expect(layoutChanges(layout, parseLayout(await captureLayout(lab.host, now, signal)))).toEqual([]);
  },
);

test('two paths that nothing joins: what is on the disk is told once, and a gap says so', {
  timeout: 900_000,
}, async () => {
  const disks = [parseDisk('A=64M')];
  await using lab = await startLab({ disks }, signal);
  await makeStack({ name: 'apart', disks, releases: [], script: apart }, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  const paths = layout.components.filter((one) => one.kind === 'disk' && one.model === 'scsi_debug');
  expect(paths).toHaveLength(2);
  expect(paths.filter((one) => 'sameAs' in one)).toHaveLength(1);
  expect(layout.components.filter(({ kind }) => kind === 'ext')).toMatchObject([
    { uuid: '0b0f1a4e-0804-4000-8000-000000000001' },
  ]);
  expect(layout.components.filter(({ kind }) => kind === 'partition')).toHaveLength(1);
  const mount = layout.components.find((one) => one.kind === 'mount' && one.path === '/mnt/one');
  expect(mount?.on).toEqual(['filesystem:0b0f1a4e-0804-4000-8000-000000000001']);
  expect(gapsOf(layout)).toMatchObject([{ problem: expect.stringContaining('is another path to the same disk') }]);
});

const apart = `
set -eux
modprobe scsi_debug dev_size_mb=64 vpd_use_hostno=0 add_host=2
udevadm settle
set -- $(lsblk -dnpo NAME,MODEL | awk '/scsi_debug/ { print $1 }')
# The one that comes later in every order is in use.
echo 'start=2048' | sfdisk --quiet --label gpt "$2"
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0804-4000-8000-000000000001 "$(part "$2" 1)"
partprobe "$1" || blockdev --rereadpt "$1" || true
udevadm settle
mkdir -p /mnt/one
mount "$(part "$2" 1)" /mnt/one
`;
