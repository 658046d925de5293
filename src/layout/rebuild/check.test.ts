/** Plans that somebody changed: what is refused although its digest is agreed to. */
import { beforeAll, expect, test } from 'vitest';
import { atRest, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import type { Component } from '../types.ts';
import { checkPlan } from './check.ts';
import { parsePlan, type Plan } from './document.ts';
import { planLayout } from './plan.ts';
import { disksOf } from './site.ts';

let made: Plan;

/** The machine on its own disks, so that there is something to lose. */
beforeAll(async () => {
  const wanted = await recordedLayout('raid1-lvm-luks.debian12');
  const named = new Map(disksOf(wanted).map(({ id }) => [id, id]));
  made = planLayout({ wanted, found: atRest(wanted), blank: new Set(), named });
});

const changed = (change: (plan: Plan) => Plan): Plan => parsePlan(JSON.parse(JSON.stringify(change(made))));
const withLayout = (change: (component: Component) => Component) => (plan: Plan) => ({
  ...plan,
  layout: { ...plan.layout, components: plan.layout.components.map(change) },
});
const swapped = <T>(list: readonly T[], a: number): T[] => {
  const [one, other] = [list[a], list[a + 1]];
  return list.flatMap((item, index) => (index === a ? other : index === a + 1 ? one : item) ?? []);
};

test('as it was made, also after it was a file', () => {
  expect(() => checkPlan(changed((plan) => plan))).not.toThrow();
});

const cases: readonly [string, (plan: Plan) => Plan, RegExp][] = [
  ['another order', (plan) => ({ ...plan, actions: swapped(plan.actions, 8) }), /its action 9 is not to/],
  ['an action less', (plan) => ({ ...plan, actions: plan.actions.slice(0, -1) }), /is not to/],
  [
    'an action more',
    (plan) => ({ ...plan, actions: [...plan.actions, ...plan.actions.slice(0, 1)] }),
    /does more than/,
  ],
  [
    'another command',
    (plan) => ({
      ...plan,
      actions: plan.actions.map((one) => ({ ...one, commands: [{ argv: ['wipefs', '--all', '/dev/sdz'] }] })),
    }),
    /its action 1 is not to stop/,
  ],
  [
    'another disk in a command',
    (plan) => ({
      ...plan,
      actions: plan.actions.map((one) => ({
        ...one,
        commands: [{ argv: ['wipefs', { device: 'disk:OTHER' }] }],
      })),
    }),
    /its action 1 is not to stop/,
  ],
  [
    'a disk that was not there',
    (plan) => ({ ...plan, disks: plan.disks.map((one) => ({ ...one, id: `${one.id}X` })) }),
    /the disk disk:AX is not the same before/,
  ],
  ['a disk less', (plan) => ({ ...plan, disks: plan.disks.slice(1) }), /on a disk that the plan does not name/],
  ['a disk twice', (plan) => ({ ...plan, disks: plan.disks.flatMap((one) => [one, one]) }), /is not the same/],
  [
    'a loss that is not told',
    (plan) => ({ ...plan, disks: plan.disks.map((one) => ({ ...one, destroys: one.destroys.slice(1) })) }),
    /does not say that .* is lost/,
  ],
  [
    'a fate that is not told',
    (plan) => ({ ...plan, fates: { ...plan.fates, old: plan.fates.old.filter(({ id }) => !id.startsWith('table')) } }),
    /does not say what becomes of partition table/,
  ],
  [
    'the fate of something that is not there',
    (plan) => ({
      ...plan,
      fates: { ...plan.fates, old: plan.fates.old.map((one) => (one.fate === 'reuse' ? { ...one, id: 'x' } : one)) },
    }),
    /does not say what becomes of disk/,
  ],
  [
    'more fates than things',
    (plan) => ({
      ...plan,
      fates: { ...plan.fates, new: [...plan.fates.new, { id: 'x', title: 'x', fate: 'create' }] },
    }),
    /things that are not there/,
  ],
  [
    'something that is made and said to stay, which then would not be looked at',
    (plan) => ({
      ...plan,
      fates: { ...plan.fates, new: plan.fates.new.map((one) => ({ id: one.id, title: one.title, fate: 'keep' })) },
    }),
    /what stays is not the same/,
  ],
  [
    'a partition beyond the end',
    withLayout((one) => (one.kind === 'partition' && one.number === 2 ? { ...one, sizeBytes: 2 ** 40 } : one)),
    /partitions of .* do not fit/,
  ],
  [
    'a partition over another',
    withLayout((one) => (one.kind === 'partition' && one.number === 2 ? { ...one, startBytes: 2 << 20 } : one)),
    /partitions of .* do not fit/,
  ],
  [
    'a filesystem larger than its volume',
    withLayout((one) => (one.kind === 'ext' ? { ...one, sizeBytes: one.sizeBytes * 2 } : one)),
    /larger than what it stands on/,
  ],
  [
    'a size that the commands do not know',
    withLayout((one) => (one.kind === 'ext' ? { ...one, sizeBytes: one.sizeBytes / 2 } : one)),
    /is not to make ext4/,
  ],
];

test.each(cases)('%s', (_, change, why) => {
  expect(() => checkPlan(changed(change))).toThrow(why);
});
