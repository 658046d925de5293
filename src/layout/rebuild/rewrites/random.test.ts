/** Rules on random machines: what comes of them is a machine, always the same, and can be planned for disks with room. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomLayout } from '../../../../test/helpers/random-layouts.ts';
import { LifeboatError } from '../../../kernel/errors.ts';
import { type Component, type Layout, parseLayout } from '../../types.ts';
import { planLayout } from '../plan.ts';
import { disksOf } from '../site.ts';
import { rewritten } from './rewrites.ts';
import { type Rule, rules } from './rules.ts';

const names = Object.keys(rules);
/** A rule and a component of the machine, of which it may or may not be able to make something else. */
const anyCase = fc.record({ layout: randomLayout, rule: fc.constantFrom(...names), which: fc.nat() });

/** Another name for what a rule can be done to, chosen among all components. */
function attempts(layout: Layout, rule: string): Layout[] {
  return layout.components.flatMap(({ id }) => {
    try {
      return [rewritten(layout, [{ rule, target: id }]).layout];
    } catch (error) {
      if (error instanceof LifeboatError && ['unsupported', 'usage'].includes(error.code)) return [];
      throw error;
    }
  });
}

/** What a rule is there to take away, or to bring. */
const isGone: { readonly [R in Rule]?: (before: Layout, after: Layout) => boolean } = {
  'no-raid': (before, after) => count(after, 'md') === count(before, 'md') - 1,
  'no-luks': (before, after) => count(after, 'luks') === count(before, 'luks') - 1,
  mirror: (before, after) => disksOf(after).length === disksOf(before).length + 1,
  'one-disk': (_, after) =>
    disksOf(after).filter(({ id }) => after.components.some(({ on }) => on.includes(id))).length === 1,
};
const count = (layout: Layout, kind: Component['kind']): number =>
  layout.components.filter((one) => one.kind === kind).length;

/** For disks on which all of it has room, whatever became of it. */
function planned(layout: Layout): string {
  // Also where one small disk is to hold what lay on several large ones.
  const wholeBytes = disksOf(layout).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const disks = disksOf(layout).map((disk, index) => ({
    ...disk,
    id: `disk:N${index}`,
    serial: `N${index}`,
    device: `/dev/vd${index}`,
    sizeBytes: wholeBytes * 64,
  }));
  const found = { ...layout, components: disks };
  const { actions } = planLayout({ wanted: layout, found, blank: new Set(disks.map(({ id }) => id)) });
  return actions.length > 0 ? 'planned' : 'nothing to do';
}

test('what comes of a rule is a machine, and always the same one', () => {
  let made = 0;
  const check = ({ layout, rule, which }: { layout: Layout; rule: string; which: number }) => {
    const [first, second] = [attempts(layout, rule), attempts(layout, rule)];
    expect(second).toEqual(first);
    const after = first[which % Math.max(1, first.length)];
    if (after === undefined) return;
    made += 1;
    // The graph is checked: nothing stands on what is not there, or on what it cannot stand on.
    expect(() => parseLayout(after)).not.toThrow();
    const what = Object.entries(isGone).find(([name]) => name === rule)?.[1];
    if (what !== undefined) expect(what(layout, after), rule).toBe(true);
    expect(planned(after)).toBe('planned');
  };
  fc.assert(fc.property(anyCase, check), { numRuns: 200, endOnFailure: true });
  expect(made).toBeGreaterThan(50);
});
