/** Stacks of filesystems: what was captured is what the plain tools say. The witness reads their output by itself. */
import { expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { coverage } from '../../../src/point/coverage.ts';
import type { Host } from '../../../src/host/host.ts';
import { saidOfFilesystems } from '../fs-said.ts';
import { filesystemWitness } from '../fs-witness.ts';
import { startLab } from '../lab.ts';
import { makeStack, readStack, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

/** Names that are known on purpose: what cannot be seen because of how a stack was made. */
const expected = /EFI system partition|can be seen only while it is mounted/;

test.each(scenes('fs-'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(layout.gaps.filter(({ problem }) => !expected.test(problem))).toEqual([]);
  const names = await kernelNames(layout, lab.host);
  const [said, witnessed] = [saidOfFilesystems(layout, names), await filesystemWitness(lab.host, signal)];
  expect(said).toEqual(witnessed);
});

/** `/dev/mapper/vg-lv` → `/dev/dm-0`. */
async function kernelNames({ components }: Layout, host: Host): Promise<(path: string) => string> {
  const paths = components.flatMap((one) => ('device' in one && one.device !== undefined ? [one.device] : []));
  const { stdout } = await host.run(['realpath', '--', ...paths], {}, signal);
  const names = new Map(
    stdout
      .toString()
      .split('\n')
      .map((name, index) => [paths[index], name]),
  );
  return (path) => names.get(path) ?? path;
}

test('what no tool knows is there with its size, and is told as not covered', { timeout: 900_000 }, async () => {
  const stack = readStack('fs-unknown');
  await using lab = await startLab({ disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  const unknown = layout.components.filter((one) => one.kind === 'unknown');
  const told = unknown.map(({ rawType, sizeBytes, begins }) => [rawType, sizeBytes >> 20, begins]);
  expect(told).toHaveLength(9);
  expect(told).toEqual(
    expect.arrayContaining([
      ['VMFS_volume_member', 32, undefined],
      ['data', 32, noise],
      ['data', 350, expect.stringMatching(/^58465342/)],
      ['data', 64, noise],
      ['data', 64, noise],
      ['dm', 64, undefined],
      ['jbd', 32, undefined],
      ['nullb', 1024, undefined],
      ['oracleasm', 32, undefined],
    ]),
  );
  expect(unknown.flatMap(({ signatures = [] }) => signatures)).toEqual(['xfs at 0x0', 'ext4 at 0x438']);
  const items = coverage(layout, { include: ['/'], exclude: [] }).filter(({ kind }) => kind === 'unknown');
  expect(new Set(items.map(({ id }) => id))).toEqual(new Set(unknown.map(({ id }) => id)));
  expect(items.map(({ state }) => state)).toEqual(unknown.map(() => 'not-covered'));
  // A journal without its filesystem.
  expect(items.filter(({ harmless }) => harmless)).toHaveLength(1);
});

/** As the script makes it. */
const noise = '79ae46de';
