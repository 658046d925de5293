import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { configSchema } from '../config/schema.ts';
import { localHost } from '../host/local.ts';
import { noSecrets } from '../kernel/secret.ts';
import type { Status } from '../notify/status.ts';
import { judgeDrills } from './drills.ts';
import type { Watch } from './telling.ts';

const never = new AbortController().signal;
const day = 86_400_000;
const begun = Date.parse('2026-06-10T12:00:00.000Z');

const status = (passedAt?: number): Status => ({
  format: 'lifeboat.status/1',
  host: 'box',
  at: new Date(begun).toISOString(),
  repository: 'file:///r',
  green: false,
  points: 1,
  lastDrill: null,
  drill: {
    targetSeconds: 604_800,
    met: true,
    ...(passedAt === undefined ? {} : { passedAt: new Date(passedAt).toISOString() }),
  },
  recovery: 'proven',
  jobs: [],
  unfinishedRuns: [],
  findings: [],
});

test('that no drill has passed for too long is told, again after as long, and when it is over', async () => {
  const base = await mkdtemp(join(tmpdir(), 'lifeboat-drills-'));
  onTestFinished(() => rm(base, { recursive: true }));
  const host = localHost();
  onTestFinished(() => host[Symbol.asyncDispose]());
  await mkdir(join(base, 'hooks.d/notify'), { recursive: true });
  await mkdir(join(base, 'state/schedules'), { recursive: true });
  const script = `#!/bin/sh\ncat >> ${base}/told\necho >> ${base}/told\n`;
  await writeFile(join(base, 'hooks.d/notify/10-log'), script, { mode: 0o755 });
  const backup = { include: ['/etc'] };
  const watch = (now: number, drill: object = { every: '7d' }): Watch => ({
    self: { host, config: join(base, 'lifeboat.yaml'), stateDir: join(base, 'state') },
    now: () => now,
    say: () => {},
    config: configSchema.parse({ repository: '/backup', backup, drill }),
    hostName: 'box',
    channels: { host, secrets: noSecrets, hooksDir: join(base, 'hooks.d') },
  });
  const told = async () =>
    (await readFile(join(base, 'told'), 'utf8').catch(() => ''))
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));

  // Nobody asked for drills.
  await judgeDrills(status(), watch(begun + 30 * day, {}), never);
  // From when somebody began to look.
  await judgeDrills(status(), watch(begun), never);
  await judgeDrills(status(), watch(begun + 6 * day), never);
  expect(await told()).toEqual([]);
  await judgeDrills(status(), watch(begun + 8 * day), never);
  await judgeDrills(status(), watch(begun + 9 * day), never);
  expect(await told()).toMatchObject([
    { event: 'undrilled', job: 'drill', drill: { everySeconds: 604_800, ageSeconds: null } },
  ]);
  await judgeDrills(status(), watch(begun + 16 * day), never);
  expect(await told()).toHaveLength(2);
  await judgeDrills(status(begun + 17 * day), watch(begun + 17 * day), never);
  expect((await told()).at(-1)).toMatchObject({ event: 'recovered', job: 'drill' });
  // Where the repository cannot be read, what was known counts.
  const { points: _points, ...unreadable } = status();
  await judgeDrills(unreadable, watch(begun + 18 * day), never);
  await judgeDrills(undefined, watch(begun + 23 * day), never);
  expect(await told()).toHaveLength(3);
  await judgeDrills(undefined, watch(begun + 25 * day), never);
  expect((await told()).at(-1)).toMatchObject({ event: 'undrilled', drill: { ageSeconds: (8 * day) / 1000 } });
});
