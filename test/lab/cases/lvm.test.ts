/** Stacks of LVM: what was captured is what its own tools say, and its text is one that `vgcfgrestore` takes. */
import { describe, expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { parseLayout } from '../../../src/layout/types.ts';
import { releases } from '../builder.ts';
import { startLab } from '../lab.ts';
import { capturedLvm, toldByLvm } from '../lvm-witness.ts';
import { makeStack, stacksOf } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

describe.each(releases)('%s', (release) => {
  const stacks = stacksOf(release).filter(({ name }) => name.startsWith('lvm-'));
  test.each(stacks)('$name', { timeout: 900_000 }, async (stack) => {
    await using lab = await startLab({ release, disks: stack.disks }, signal);
    await makeStack(stack, lab, signal);
    const layout = parseLayout(await captureLayout(lab.host, now, signal));
    expect(layout.gaps.filter(({ subject }) => /lvm|LVM|pvs|vgs|lvs/.test(subject))).toEqual([]);
    expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
    expect(capturedLvm(layout)).toEqual(await toldByLvm(lab.host, signal));
    for (const one of layout.components) {
      if (one.kind !== 'vg' || layout.components.some((pv) => pv.kind === 'pv' && pv.missing)) continue;
      await lab.host.write('/tmp/text', Buffer.from(one.backup ?? ''), {}, signal);
      await lab.host.run(['vgcfgrestore', '--test', '--yes', '--force', '--file', '/tmp/text', one.name], {}, signal);
    }
  });
});
