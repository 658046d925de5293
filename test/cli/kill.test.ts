/** A sample of the series of `test/long/kills.test.ts`, other moments every day. */
import { test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { killedRepairs } from '../helpers/kill-repairs.ts';
import { killedRestores, killedRestoresOver } from '../helpers/kill-restores.ts';
import { killedBackups, killedForgets, provenSandbox } from '../helpers/kill-series.ts';
import { seed } from '../helpers/moments.ts';

test.concurrent(`backups (seed ${seed})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedBackups(box, { seed, turns: 3, signal });
});

test.concurrent(`restores (seed ${seed})`, async () => {
  await using box = await sandbox();
  await killedRestores(box, { seed, turns: 3 });
});

test.concurrent(`restores over a tree that differs (seed ${seed})`, async () => {
  await using box = await sandbox();
  await killedRestoresOver(box, { seed, turns: 2 });
});

test.concurrent(`forget and prune, encrypted (seed ${seed})`, async ({ signal }) => {
  await using box = await provenSandbox();
  await killedForgets(box, { seed, turns: 2, signal });
});

test.concurrent(`repairs (seed ${seed})`, async ({ signal }) => {
  await using box = await sandbox();
  await killedRepairs(box, { seed, turns: 1, signal });
});
