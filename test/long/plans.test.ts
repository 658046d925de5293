/** Thousands of plans for random machines and disks, each carried out on a model of a machine. */
import { expect, test, vi } from 'vitest';
import { longWatchdog, times } from '../helpers/suite.ts';
import { simulatedPlans } from '../helpers/simulated-plans.ts';

vi.setConfig(longWatchdog);

test('what a plan does is what it says, on its disks only, and can be cut off anywhere', async () => {
  const outcomes = await simulatedPlans(times(5000, 50));
  expect(outcomes.get('made')).toBeGreaterThan(times(1500, 10));
});
