/** A sample of the series of `test/long/kills.test.ts`, other moments every day. */
import { test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { killedBackups, killedRestores } from '../helpers/kill-series.ts';
import { seed } from '../helpers/moments.ts';

test.concurrent(`backups (seed ${seed})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedBackups(box, { seed, turns: 10, signal });
});

test.concurrent(`restores (seed ${seed})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedRestores(box, { seed, turns: 10, signal });
});
