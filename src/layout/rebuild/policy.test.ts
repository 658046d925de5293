import { expect, test } from 'vitest';
import { recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import type { Layout } from '../types.ts';
import { planLayout, type PlanRequest } from './plan.ts';
import { outsidePolicy, policySchema } from './policy.ts';
import { disksOf } from './site.ts';

/** A machine with a mirror, and one with two disks in its place. */
async function machines() {
  const wanted = await recordedLayout('md-raid1.debian12');
  const there = disksOf(wanted).map((disk, index) => ({
    ...disk,
    id: `disk:NEW${index}`,
    serial: `NEW${index}`,
    busPath: `slot${index}`,
  }));
  const found: Layout = { ...wanted, components: there, gaps: [] };
  const ids = there.map(({ id }) => id);
  const plan = (more: Partial<PlanRequest>) => planLayout({ wanted, found, blank: new Set(ids), ...more });
  return { ids, there, found, plan };
}

test('blank disks of which each would do need nobody, unless the policy names disks, and these are others', async () => {
  const { plan } = await machines();
  expect(outsidePolicy(plan({}), 'blank-disks')).toEqual([]);
  expect(outsidePolicy(plan({}), policySchema.parse({}))).toHaveLength(2);
  expect(outsidePolicy(plan({}), policySchema.parse({ serials: ['NEW0'] }))).toEqual([
    expect.stringContaining('does not name the disk'),
  ]);
});

test('the last disk that remains is taken by who takes blank disks, and by nobody who named others', async () => {
  const { plan, there, found } = await machines();
  const [one] = there;
  if (one === undefined) throw new Error('no disk');
  const larger = { ...one, sizeBytes: one.sizeBytes * 2 };
  const made = plan({ found: { ...found, components: [larger] }, rewrites: [{ rule: 'no-raid' }] });
  expect(made.disks.map(({ certainty }) => certainty)).toEqual(['only']);
  expect(outsidePolicy(made, 'blank-disks')).toEqual([]);
  expect(outsidePolicy(made, policySchema.parse({ serials: ['OTHER'] }))).toHaveLength(1);
});

test('what is on a disk is lost only where the policy names it, by serial number or slot', async () => {
  const { plan, ids } = await machines();
  const made = plan({ blank: new Set(['disk:NEW0']), only: new Set(ids) });
  expect(outsidePolicy(made, 'blank-disks')).toEqual([expect.stringContaining('disk:NEW1')]);
  expect(outsidePolicy(made, policySchema.parse({ serials: ['NEW0'] }))).toHaveLength(1);
  expect(outsidePolicy(made, policySchema.parse({ serials: ['NEW1', 'NEW0'] }))).toEqual([]);
  expect(outsidePolicy(made, policySchema.parse({ slots: ['slot0'], serials: ['NEW1'] }))).toEqual([]);
});

test('a disk that is only the most alike waits for somebody', async () => {
  const { plan, there, found } = await machines();
  const [one, two] = there.map((disk, index) => ({ ...disk, sizeBytes: disk.sizeBytes * (index + 2) }));
  if (one === undefined || two === undefined) throw new Error('two disks');
  const made = plan({ found: { ...found, components: [one, two] } });
  expect(outsidePolicy(made, 'blank-disks')).toHaveLength(2);
  expect(outsidePolicy(made, policySchema.parse({ serials: ['NEW0', 'NEW1'] }))).toEqual([]);
});
