/** The recovery code alone reaches a repository on an ssh server: when the host is gone, its ssh key is gone with it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { recoverySheet } from '../../src/cli/recovery-sheet.ts';
import { deriveSshKey } from '../../src/keys/derive.ts';
import { newRecoveryCode } from '../../src/keys/recovery-code.ts';
import { isRoot, startLifeboat } from '../helpers/cli.ts';
import { provenSandbox } from '../helpers/keyed.ts';
import { sftpPlace } from '../helpers/sftp-place.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as a test server for ssh needs root`);

const shownSchema = z.object({ sshKey: z.string() });

test('the recovery sheet has the line for the server, where that is one for ssh', () => {
  const code = newRecoveryCode();
  expect(recoverySheet(code, 'file:///srv/backup', 'web1').authorizedKey).toBeUndefined();
  const { publicLine } = deriveSshKey(code.secret);
  expect(recoverySheet(code, 'sftp://nas/srv/backup', 'web1').authorizedKey).toBe(
    `restrict,command="internal-sftp -R" ${publicLine} recovery of web1`,
  );
});

test.skipIf(!isRoot)('a server that knows its key lets the code in, to read', { timeout: 300_000 }, async () => {
  await using place = await sftpPlace();
  await using box = await provenSandbox();
  expect((await box.ask('backup')).code).toBe(0);
  const { sshKey } = shownSchema.parse((await box.withCode(box.code, 'key', 'show', '--code')).json);

  const config = join(box.base, 'elsewhere.yaml');
  const url = place.url().replace(place.root, box.repository);
  const ssh = { knownHosts: place.knownHosts, configFile: '/dev/null' };
  const settings = { repository: url, host: 'box', ssh, backup: { include: ['/'] } };
  writeFileSync(config, JSON.stringify(settings), { mode: 0o600 });
  const withCode = async (...args: readonly string[]) =>
    await startLifeboat(
      ['--config', config, '--state-dir', join(box.base, 'elsewhere'), '--json', '--quiet', ...args],
      { env: { LIFEBOAT_RECOVERY_CODE: box.code } },
    ).ended;
  expect((await withCode('points', 'list')).json.error).toMatchObject({ code: 'permission-denied' });
  const line = `restrict,command="internal-sftp -R" ${sshKey} recovery of box\n`;
  writeFileSync(join(dirname(place.sshd.privateKeyPath), 'authorized_keys'), line);
  const list = await withCode('points', 'list');
  expect(list.json.points, list.stdout + list.stderr).toHaveLength(1);
  const restored = await withCode('restore', 'latest', '--to', join(box.base, 'out'));
  expect(restored.code, restored.stdout).toBe(0);
  expect(readFileSync(join(box.base, 'out', box.source, 'etc/hosts'), 'utf8')).toBe('127.0.0.1 localhost\n');
  const pin = await withCode('points', 'pin', 'latest', '--reason', 'a try');
  expect(pin.json.error).toMatchObject({ code: 'permission-denied' });
});
