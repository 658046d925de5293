/** Whatever one answer says, a layout comes of it that can be read again. A sample: `test/long/nonsense.test.ts` tries all. */
import { expect, test } from 'vitest';
import { capturesOfNonsense } from '../../test/helpers/nonsense.ts';

test('nonsense in one answer costs no more than that answer', async ({ signal }) => {
  expect(await capturesOfNonsense(97, signal)).toBeGreaterThan(200);
});
