/** Random machines planned for random disks, each plan carried out on a model of a machine, also after it was cut off. */
import { expect, test } from 'vitest';
import { simulatedPlans } from '../../../test/helpers/simulated-plans.ts';

test('what a plan does is what it says, on its disks only, and can be cut off anywhere', async () => {
  const outcomes = await simulatedPlans(150);
  expect(outcomes.get('made')).toBeGreaterThan(25);
  expect(outcomes.get('no-space')).toBeGreaterThan(2);
});
