/** A sample of the series of `test/long/kills.test.ts`, other moments every day. */
import { test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { killedBackups, killedForgets, killedRestores, provenSandbox } from '../helpers/kill-series.ts';
import { seed } from '../helpers/moments.ts';

test.concurrent(`backups (seed ${seed})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedBackups(box, { seed, turns: 8, signal });
});

test.concurrent(`restores (seed ${seed})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedRestores(box, { seed, turns: 8, signal });
});

test.concurrent(`forget and prune, encrypted (seed ${seed})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedForgets(box, { seed, turns: 4, signal });
});
