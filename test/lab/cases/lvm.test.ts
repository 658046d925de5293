/** Stacks of LVM: what was captured is what its own tools say, and its text is one that `vgcfgrestore` takes. */
import { expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { capturedLvm, toldByLvm } from '../lvm-witness.ts';
import { makeStack, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(scenes('lvm-'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
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
