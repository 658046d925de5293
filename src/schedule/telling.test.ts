import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { noSecrets } from '../kernel/secret.ts';
import { readNotices, writeNotices } from './state.ts';
import { tell, type Watch } from './telling.ts';
import { configSchema } from '../config/schema.ts';

const never = new AbortController().signal;
const silent = { event: 'silent', findings: [], drift: [], next: 'Look.' } as const;
const at = '2026-06-10T12:00:00.000Z';

/** A drop-in is the only channel; it writes what it gets to `told`, and exits with `code`. */
async function watching(code: number): Promise<{ readonly watch: Watch; readonly told: () => Promise<string> }> {
  const base = await mkdtemp(join(tmpdir(), 'lifeboat-telling-'));
  onTestFinished(() => rm(base, { recursive: true }));
  const host = localHost();
  onTestFinished(() => host[Symbol.asyncDispose]());
  await mkdir(join(base, 'hooks.d/notify'), { recursive: true });
  await writeFile(join(base, 'hooks.d/notify/10-log'), `#!/bin/sh\ncat >> ${base}/told\nexit ${code}\n`, {
    mode: 0o755,
  });
  const watch: Watch = {
    self: { host, config: join(base, 'lifeboat.yaml'), stateDir: join(base, 'state') },
    now: () => Date.parse(at),
    say: () => {},
    config: configSchema.parse({ repository: '/backup', backup: { include: ['/etc'] }, rpo: '26h' }),
    hostName: 'box',
    channels: { host, secrets: noSecrets, hooksDir: join(base, 'hooks.d') },
  };
  return { watch, told: () => readFile(join(base, 'told'), 'utf8').catch(() => '') };
}

test('what cannot be put on record is not told: it would be told again and again', async () => {
  const { watch, told } = await watching(0);
  const before = await readNotices(watch.self.stateDir, new Date(at));
  const after = { ...before, silentToldAt: at };
  // The directory that it would be written to is not there, as a disk that is full has no room for it.
  await expect(tell(silent, { before, after }, undefined, watch, never)).rejects.toMatchObject({ code: 'not-found' });
  expect(await told()).toBe('');
  await mkdir(join(watch.self.stateDir, 'schedules'), { recursive: true });
  await tell(silent, { before, after }, undefined, watch, never);
  expect(JSON.parse(await told())).toMatchObject({ event: 'silent', unsent: [] });
  expect(await readNotices(watch.self.stateDir, new Date())).toEqual({ ...after, unsent: [] });
});

test('what got through nowhere is not told, and the next notice names it', async () => {
  const { watch } = await watching(1);
  await mkdir(join(watch.self.stateDir, 'schedules'), { recursive: true });
  const before = { ...(await readNotices(watch.self.stateDir, new Date(at))), lookedAt: at };
  await writeNotices(watch.self.stateDir, before);
  await tell(silent, { before, after: { ...before, silentToldAt: at } }, undefined, watch, never);
  const left = await readNotices(watch.self.stateDir, new Date());
  expect(left).not.toHaveProperty('silentToldAt');
  expect(left.unsent).toEqual([expect.stringContaining('silent, by ')]);
});
