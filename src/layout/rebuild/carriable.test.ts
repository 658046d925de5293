/** Whatever is planned for the recorded machines can be carried out: who applies a plan refuses one in which something does not fit. */
import { beforeAll, expect, test } from 'vitest';
import { debian12Machines, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Component, Layout } from '../types.ts';
import { withWholeDisks } from './attached.ts';
import { checkPlan } from './check.ts';
import { planLayout } from './plan.ts';
import { type RewriteRequest, rewritten } from './rewrites/rewrites.ts';
import { rules } from './rewrites/rules.ts';
import { disksOf } from './site.ts';

const machines = new Map<string, Layout>();

beforeAll(async () => {
  for (const name of debian12Machines) machines.set(name, withWholeDisks(await recordedLayout(name)));
});

/** Twice as many blank disks as it has, each so much larger than one of its own. */
function spare(layout: Layout, factor: number, logicalSector: number): Layout {
  const own = disksOf(layout).filter(({ sizeBytes }) => sizeBytes > 0);
  const components = [...own, ...own].map(({ wwn: _wwn, ...disk }, index) => ({
    ...disk,
    id: `disk:N${index}`,
    serial: `N${index}`,
    device: `/dev/vd${index}`,
    logicalSector,
    sizeBytes: Math.floor((disk.sizeBytes * factor) / (1 << 20)) * (1 << 20),
  }));
  return { ...layout, components, gaps: [] };
}

/** @returns the code of the error, or `planned` */
function planned(wanted: Layout, found: Layout, rewrites: readonly RewriteRequest[] = [], grow = false): string {
  const grows = ({ kind }: Component): boolean => grow && ['ext', 'xfs', 'btrfs', 'f2fs'].includes(kind);
  const blank = new Set(disksOf(found).map(({ id }) => id));
  try {
    checkPlan(planLayout({ wanted, found, blank, rewrites, grows }));
    return 'planned';
  } catch (error) {
    if (error instanceof LifeboatError && ['no-space', 'unsupported'].includes(error.code)) return error.code;
    throw error;
  }
}

test('on disks of any size and with any sectors', () => {
  const outcomes: string[] = [];
  for (const wanted of machines.values()) {
    for (const [factor, sector] of [
      [0.8, 512],
      [1, 4096],
      [1.3, 512],
      [40, 4096],
    ] as const) {
      const grow = factor > 1;
      outcomes.push(planned(wanted, spare(wanted, factor, sector), [], grow));
    }
  }
  expect(outcomes.filter((one) => one === 'planned').length).toBeGreaterThan(debian12Machines.length * 2);
});

test.each(Object.keys(rules))('by the rule %s on disks of the same size, with whatever it can be done to', (rule) => {
  const outcomes: string[] = [];
  for (const [file, wanted] of machines) {
    for (const { id } of wanted.components) {
      const rewrites = [{ rule, target: id }];
      try {
        rewritten(wanted, rewrites);
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(unsupported|usage)$/) });
        continue;
      }
      // What lies in a file is left out before there are rules.
      const isInFile = file.startsWith('fs-loop') || file.startsWith('luks2-detached');
      if (!isInFile) outcomes.push(planned(wanted, spare(wanted, 1, 512), rewrites));
    }
  }
  expect(outcomes).toContain('planned');
});
