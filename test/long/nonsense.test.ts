/** Every answer of every recorded machine, in every sort of nonsense: a layout comes of it that can be read again. */
import { expect, test, vi } from 'vitest';
import { capturesOfNonsense } from '../helpers/nonsense.ts';
import { longWatchdog, times } from '../helpers/suite.ts';

vi.setConfig(longWatchdog);

test('nonsense in any answer costs no more than that answer', async ({ signal }) => {
  expect(await capturesOfNonsense(times(1, 101), signal)).toBeGreaterThan(200);
});
