/** The server of the repository is away in the middle of a backup: for ten minutes, and for good. */
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { isRoot, objectsOf } from '../helpers/cli.ts';
import { type KeyedSandbox } from '../helpers/keyed.ts';
import { provenSandbox, wholePoints } from '../helpers/kill-series.ts';
import { type SftpPlace, sftpPlace } from '../helpers/sftp-place.ts';
import { isLong, longWatchdog, times } from '../helpers/suite.ts';

vi.setConfig(longWatchdog);

const AWAY_SECONDS = times(600, 15);

/** The repository of the sandbox, with its keys, is on the server from here on. */
function moveTo(place: SftpPlace, box: KeyedSandbox, more = ''): void {
  cpSync(box.repository, place.root, { recursive: true });
  const ssh = { identityFile: place.sshd.privateKeyPath, knownHosts: place.knownHosts };
  const text = readFileSync(box.config, 'utf8').replace(/^repository: .*$/m, `repository: ${place.url()}`);
  writeFileSync(box.config, `${text}\nssh: ${JSON.stringify(ssh)}\n${more}`);
}

test.skipIf(!isRoot).concurrent(`for ${AWAY_SECONDS} s: the same run ends well (needs root)`, async ({ signal }) => {
  await using place = await sftpPlace();
  await using box = await provenSandbox();
  moveTo(place, box);
  writeFileSync(join(box.source, 'data'), randomBytes(64 << 20));
  const backup = box.start(['--json', 'backup']);
  await backup.saw('"type":"step-started","step":"store.data"');
  await delay(300);
  await place.sshd.stop();
  await delay(AWAY_SECONDS * 1000);
  await place.sshd.start();
  const { code, json, stderr } = await backup.ended;
  expect(stderr).toMatch(/connecting again in \d+ s/);
  expect({ code, ...json.error }).toEqual({ code: 0 });
  expect(await wholePoints(box, signal)).toEqual([json.point]);
  const { points } = (await box.ask('points', 'list')).json;
  expect(points).toMatchObject([{ id: json.point, trust: 'read-back' }]);
});

test
  .skipIf(!isRoot)
  .concurrent('for good: exit 1 in time, and when it is back, the run goes on (needs root)', async ({ signal }) => {
    await using place = await sftpPlace();
    await using box = await provenSandbox();
    // The whole patience of the program in the long suite, the limit of a step in the sample.
    moveTo(place, box, isLong ? '' : 'limits: { store.data: 20s }\n');
    expect((await box.ask('backup')).code).toBe(0);
    const before = objectsOf({ repository: place.root });
    writeFileSync(join(box.source, 'data'), randomBytes(64 << 20));
    const backup = box.start(['--json', 'backup']);
    await backup.saw('"type":"step-started","step":"store.data"');
    await place.sshd.stop();
    // In the long suite its cleanups are in vain too, and owed until it is resumed.
    if (!isLong) {
      await backup.saw('"type":"step-failed","step":"store.data"');
      await place.sshd.start();
    }
    const { code, json } = await backup.ended;
    expect({ code, error: json.error }).toMatchObject({
      code: 1,
      error: { code: isLong ? 'unreachable' : 'step-timeout' },
    });
    if (isLong) await place.sshd.start();
    const resumed = await box.ask('runs', 'resume', json.run?.id ?? '');
    expect({ code: resumed.code, ...resumed.json.error }).toEqual({ code: 0 });
    expect(objectsOf({ repository: place.root })).toEqual(expect.arrayContaining(before));
    expect(await wholePoints(box, signal)).toHaveLength(2);
  });
