/** A network is made anew in another machine, by a plan that is killed after its commands: what the plain tools say is the same. */
import { expect, test, vi } from 'vitest';
import { planLive } from '../../src/network/rebuild/plan.ts';
import { random, seed } from '../helpers/moments.ts';
import { longWatchdog, times } from '../helpers/suite.ts';
import { machine, noMachine } from '../network/machine.ts';
import { appliedWithKills, original, said } from '../network/rebuilding.ts';
import { capture } from '../network/scene.ts';

vi.setConfig(longWatchdog);
const reason = noMachine();
if (reason !== undefined) console.log(`network namespaces: skipped: ${reason}`);

test.skipIf(reason !== undefined)('killed after commands, and gone on with each time', async () => {
  const { network, said: before } = await original();
  await using other = await machine();
  const plan = planLive({ wanted: network, found: await capture(other) });
  const [next, share] = [random(seed), times(1, 0.3)];
  const deaths = await appliedWithKills(plan, other, () => next() < share);
  console.log(`seed ${seed}: ${deaths} deaths in ${plan.actions.length} actions`);
  if (share === 1) expect(deaths).toBeGreaterThanOrEqual(plan.actions.length);
  expect(said(other)).toBe(before);
});
