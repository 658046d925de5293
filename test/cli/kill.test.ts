/** A sample of the series of `test/long/kills.test.ts`, other moments every day. */
import { test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { killedBackups, killedForgets, killedRestores, provenSandbox } from '../helpers/kill-series.ts';
import { seed } from '../helpers/moments.ts';

const watchdog = { timeout: 400_000 };

test.concurrent(`backups (seed ${seed})`, watchdog, async ({ signal }) => {
  await using box = await sandbox();
  await killedBackups(box, { seed, turns: 6, signal });
});

test.concurrent(`restores (seed ${seed})`, watchdog, async ({ signal }) => {
  await using box = await sandbox();
  await killedRestores(box, { seed, turns: 6, signal });
});

test.concurrent(`forget and prune, encrypted (seed ${seed})`, watchdog, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedForgets(box, { seed, turns: 3, signal });
});
