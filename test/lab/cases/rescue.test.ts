/** Rescue media: made by the program, started by machines, until their menu answers. */
import { expect, test } from 'vitest';
import { rescueLimitMs, rescueMedium, startRescue } from '../rescue.ts';

const timeout = 2_400_000;

test('an image starts by BIOS in 1 GiB, and its menu answers on the serial line', { timeout }, async ({ signal }) => {
  const { file, medium } = await rescueMedium();
  expect(medium).toMatchObject({ format: 'lifeboat.medium/1', secrets: [] });
  await using rescue = await startRescue(file, {}, signal);
  expect(await rescue.menu(signal)).toMatch(/lifeboat rescue for lab, [^]*ssh by SHA256:/);
  const { serial } = rescue.machine;
  await serial.type('5\n', signal);
  await serial.waitFor(/# $/m, rescueLimitMs, signal);
  await serial.type('echo ready-$((40 + 2))\n', signal);
  await serial.waitFor(/ready-42/, rescueLimitMs, signal);
  await using host = await rescue.host(signal);
  const { stdout } = await host.run(['cat', '/etc/lifeboat/medium.json'], {}, signal);
  expect(JSON.parse(stdout.toString())).toEqual(medium);
});
