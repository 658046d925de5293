/** kill -9 at more than 300 seeded moments of the real command line, of hosts with keys and without; some come too late to hit. `test/cli/kill.test.ts` takes a sample. */
import { test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { killedBackups, killedForgets, killedRestores, provenSandbox } from '../helpers/kill-series.ts';
import { seed } from '../helpers/moments.ts';
import { times } from '../helpers/suite.ts';

test.concurrent(`backups, encrypted (seed ${seed})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedBackups(box, { seed, turns: times(90, 3), signal });
});

test.concurrent(`backups, plain (seed ${seed + 1})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedBackups(box, { seed: seed + 1, turns: times(35, 3), signal });
});

test.concurrent(`restores, encrypted (seed ${seed + 2})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedRestores(box, { seed: seed + 2, turns: times(90, 3), signal });
});

test.concurrent(`forget and prune, encrypted (seed ${seed + 3})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedForgets(box, { seed: seed + 3, turns: times(125, 4), signal });
});
