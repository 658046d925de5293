/** What does not belong to this repository: another one's host key, another one's code, another server. Nothing is written. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { output } from '../helpers/child-process.ts';
import { isRoot, makeRepository, objectsOf, sandbox } from '../helpers/cli.ts';
import { newKeyedSandbox, provenSandbox } from '../helpers/keyed.ts';
import { sftpPlace } from '../helpers/sftp-place.ts';

test.concurrent('the host key is that of the same host in another repository: its code could not read what is stored', async () => {
  await using box = await provenSandbox();
  await using other = await newKeyedSandbox();
  expect((await box.ask('backup')).code).toBe(0);
  const before = objectsOf(box);
  const own = join(box.base, 'own.key');
  copyFileSync(box.keyFile, own);
  copyFileSync(other.keyFile, box.keyFile);
  const { code, json } = await box.ask('backup');
  expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'no-key' } });
  expect(json.error?.hint).toContain('lifeboat key rotate --host-key');
  expect(objectsOf(box)).toEqual(before);
  copyFileSync(own, box.keyFile);
  expect((await box.ask('backup')).code).toBe(0);
});

test.concurrent('the code is that of another repository, given for a host that has no key any more', async () => {
  await using box = await provenSandbox();
  await using other = await newKeyedSandbox();
  expect((await box.ask('backup')).code).toBe(0);
  const before = objectsOf(box);
  for (const args of [
    ['points', 'verify', 'latest'],
    ['key', 'rotate', '--host-key'],
  ]) {
    const { code, stdout } = await box.elsewhere(other.code, ...args);
    expect({ args, code }, stdout).toEqual({ args, code: args[0] === 'key' ? expect.toBeOneOf([1, 2]) : 1 });
    expect(objectsOf(box)).toEqual(before);
  }
});

test.skipIf(!isRoot)(
  'the server is another one: exit 1, the command to accept it, and nothing is written (needs root)',
  async () => {
    await using place = await sftpPlace();
    await using box = await sandbox();
    await makeRepository(place.root);
    const knownHosts = join(box.base, 'known_hosts');
    await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(box.base, 'other'));
    const key = readFileSync(join(box.base, 'other.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(knownHosts, `[127.0.0.1]:${place.sshd.port} ${key}\n`);
    const ssh = { identityFile: place.sshd.privateKeyPath, knownHosts };
    box.configure(`ssh: ${JSON.stringify(ssh)}\n`, place.url());
    const before = objectsOf({ repository: place.root });
    const refused = await box.ask('backup');
    expect({ code: refused.code, error: refused.json.error }).toMatchObject({ code: 1, error: { code: 'host-key' } });
    expect(objectsOf({ repository: place.root })).toEqual(before);
    // One that nobody knows yet comes with the command that accepts it.
    writeFileSync(knownHosts, '');
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'host-key' } });
    const command = /(echo .*)$/.exec(json.error?.hint ?? '')?.[1] ?? '';
    execFileSync('sh', ['-c', command]);
    expect((await box.ask('backup')).code).toBe(0);
  },
);
