import { activityChanges } from './diff-activity.ts';
import { machineChanges, systemChanges } from './diff-machine.ts';
import { packageChanges } from './diff-packages.ts';
import type { FactsChange } from './diff-sets.ts';
import type { Facts } from './types.ts';

/**
 * What has changed between two captures of a host, by what it means for a recovery from the older one. Nothing for two
 * captures of a host that nobody has changed; what one of them could not see, and what is only so for the moment, is no
 * change.
 */
export function factsChanges(before: Facts, after: Facts): FactsChange[] {
  return [
    ...machineChanges(before, after),
    ...systemChanges(before, after),
    ...packageChanges(before, after),
    ...activityChanges(before, after),
  ];
}
