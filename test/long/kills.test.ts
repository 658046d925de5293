/**
 * kill -9 at more than 400 seeded moments of the real command line, of hosts with keys and without; some come too late to hit.
 * `test/cli/kill.test.ts` takes a sample every day.
 */
import { test, vi } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { killedRepairs } from '../helpers/kill-repairs.ts';
import { killedRestores, killedRestoresInPlace, killedRestoresOver } from '../helpers/kill-restores.ts';
import { killedBackups, killedForgets, provenSandbox } from '../helpers/kill-series.ts';
import { layerObstacle } from '../helpers/layered-root.ts';
import { seed } from '../helpers/moments.ts';
import { longWatchdog, times } from '../helpers/suite.ts';

vi.setConfig(longWatchdog);

test.concurrent(`backups, encrypted (seed ${seed})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedBackups(box, { seed, turns: times(90, 1), signal });
});

test.concurrent(`backups, plain (seed ${seed + 1})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedBackups(box, { seed: seed + 1, turns: times(35, 1), signal });
});

test.concurrent(`restores, encrypted (seed ${seed + 2})`, async () => {
  await using box = await provenSandbox();
  await killedRestores(box, { seed: seed + 2, turns: times(90, 1) });
});

test.concurrent(`forget and prune, encrypted (seed ${seed + 3})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedForgets(box, { seed: seed + 3, turns: times(125, 1), signal });
});

test.concurrent(`restores over a tree that differs, plain (seed ${seed + 4})`, async () => {
  await using box = await sandbox();
  await killedRestoresOver(box, { seed: seed + 4, turns: times(40, 1) });
});

test.concurrent(`restores in place, encrypted (seed ${seed + 5})`, async ({ skip }) => {
  const why = layerObstacle();
  if (why !== undefined) return skip(why);
  await using box = await provenSandbox();
  await killedRestoresInPlace(box, { seed: seed + 5, turns: times(40, 1) });
});

test.concurrent(`repairs, encrypted (seed ${seed + 6})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedRepairs(box, { seed: seed + 6, turns: times(20, 1), signal });
});
