import { describe, expect, test } from 'vitest';
import { type Ability, hasAbility, targetCases } from '../../src/target/conformance/cases.ts';
import type { Target } from '../../src/target/target.ts';

export interface TargetSuite {
  /** Opens a target for one case; other cases may have left objects in it. */
  open(signal: AbortSignal): Promise<Target>;
  /** What the target cannot do, and why; its traits must say the same. */
  readonly skip?: { readonly [Missing in Ability]?: string };
}

const abilities = ['atomicPut', 'exclusivePut', 'ranges', 'replace', 'parallel'] as const satisfies readonly Ability[];
let runs = 0;

/** Runs the contract of `src/target/target.ts` against a target. */
export function describeTarget(name: string, suite: TargetSuite): void {
  const skip = suite.skip ?? {};

  describe(`target ${name}`, () => {
    test('gives a reason for each trait that it does not have', async ({ signal }) => {
      await using target = await suite.open(signal);
      const missing = abilities.filter((ability) => !hasAbility(target, ability));
      expect(Object.keys(skip).sort()).toEqual([...missing].sort());
    });

    test.for(targetCases)('$name', async (one, context) => {
      const reasons = (one.needs ?? []).map((ability) => skip[ability]).filter((reason) => reason !== undefined);
      if (reasons.length > 0) context.skip(reasons.join('; '));
      await using target = await suite.open(context.signal);
      runs += 1;
      await one.run(target, `conformance/${process.pid}-${runs}`, context.signal);
    });
  });
}
