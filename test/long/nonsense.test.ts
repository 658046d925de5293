/** Every answer of every recorded machine, in every sort of nonsense: a layout comes of it that can be read again, and no change is made up. */
import { expect, test, vi } from 'vitest';
import { capturesOfNonsense, changesOfFailures } from '../helpers/nonsense.ts';
import { longWatchdog, times } from '../helpers/suite.ts';

vi.setConfig(longWatchdog);

test('nonsense in any answer costs no more than that answer', async ({ signal }) => {
  expect(await capturesOfNonsense(times(1, 101), signal)).toBeGreaterThan(200);
});

test('what any question would have told, and did not, has not changed', async ({ signal }) => {
  const { count, told } = await changesOfFailures(times(1, 31), signal);
  expect(told).toEqual([]);
  expect(count).toBeGreaterThan(100);
});
