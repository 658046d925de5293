/** The main job over SFTP, with the server away in the middle, and with it away altogether. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isRoot, makeRepository, sandbox } from '../helpers/cli.ts';
import { sftpPlace } from '../helpers/sftp-place.ts';

test.skipIf(!isRoot)('a backup goes on when its server comes back (needs root)', async () => {
  await using place = await sftpPlace();
  await using box = await sandbox();
  await makeRepository(place.root);
  const ssh = { identityFile: place.sshd.privateKeyPath, knownHosts: place.knownHosts };
  box.configure(`ssh: ${JSON.stringify(ssh)}\n`, place.url());
  const data = randomBytes(48 * 1024 * 1024);
  writeFileSync(join(box.source, 'data'), data);

  const backup = box.start(['backup']);
  await backup.saw('Work out');
  // Now it stores the files, or is about to.
  await delay(300);
  await place.sshd.stop();
  await delay(3_000);
  await place.sshd.start();
  const { code, stderr } = await backup.ended;
  expect(stderr).toMatch(/connecting again in \d+ s/);
  expect(code, stderr).toBe(0);

  const list = await box.ask('points', 'list');
  expect(list.json.points).toEqual([expect.objectContaining({ trust: expect.any(String) })]);
  const restored = await box.ask('restore', 'latest', '--to', join(box.base, 'out'));
  expect(restored.code, restored.stdout).toBe(0);
  expect(readFileSync(join(box.base, 'out', box.source, 'data')).equals(data)).toBe(true);
  await place.sshd.stop();
  const away = await box.ask('points', 'list');
  expect(away).toMatchObject({ code: 1, json: { error: { code: 'unreachable' } } });
});
