/**
 * What every target owes, as cases that run against any of them: in the tests, and against a user's own storage. A
 * case writes only below the prefix that it is given, so storage that is in use will do.
 */
import { changing } from './changing.ts';
import { failing } from './failing.ts';
import { reading } from './reading.ts';
import type { Ability, TargetCase } from './case.ts';
import type { Target } from '../target.ts';

export type { Ability, TargetCase } from './case.ts';

export const targetCases: readonly TargetCase[] = [...reading, ...changing, ...failing];

/** Whether the target says that it has what some of the cases need. */
export function hasAbility(target: Target, ability: Ability): boolean {
  const { traits } = target;
  if (ability === 'replace') return !traits.appendOnly;
  if (ability === 'parallel') return !traits.sequential;
  return traits[ability];
}
