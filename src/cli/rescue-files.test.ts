import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../config/load.ts';
import { localHost } from '../host/local.ts';
import { Secret } from '../kernel/secret.ts';
import { newHostKey, writeHostKey } from '../keys/host-key.ts';
import { newRecoveryCode } from '../keys/recovery-code.ts';
import { keyringOfRecoveryCode } from '../keys/ring.ts';
import { judgeConfiguration } from '../recover/signed.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { rescueFiles } from './rescue-files.ts';

const canary = 'canary-7f3a';
const code = newRecoveryCode();
const plain = { keepHostKeys: false, embedCredentials: false };

async function configured(directory: string): Promise<string> {
  const at = (name: string): string => join(directory, name);
  await mkdir(at('secrets'), { mode: 0o700 });
  await writeHostKey(at('key'), newHostKey('web1', code, { writeOnly: false }, new Date()));
  for (const name of ['id', 'secrets/repository', 'secrets/recovery-code']) {
    await writeFile(at(name), `${canary} ${name}\n`, { mode: 0o600 });
  }
  await writeFile(at('known'), 'nas ssh-ed25519 AAAA\n');
  const lines = [
    'repository: sftp://nas/backups',
    'host: web1',
    'backup: { include: [/] }',
    `key: ${at('key')}`,
    `ssh: { identityFile: ${at('id')}, knownHosts: ${at('known')} }`,
    `notify: { webhook: https://chat.example.org/hooks/${canary} }`,
    'schedule: { backup: { cron: "0 3 * * *" } }',
  ];
  await writeFile(at('lifeboat.yaml'), `${lines.join('\n')}\n`);
  return at('lifeboat.yaml');
}

const secretOf = async (key: string): Promise<string> =>
  z.object({ secret: z.string() }).parse(JSON.parse(await readFile(key, 'utf8'))).secret;

const textOf = (files: readonly { readonly path: string; readonly content: string | Uint8Array }[]): string =>
  files.map(({ path, content }) => `${path}: ${Buffer.from(content).toString()}`).join('\n');

test('of a configuration goes in what opens nothing', async ({ signal }) => {
  await using temporary = await temporaryDirectory();
  await using host = localHost();
  const { files, secrets } = await rescueFiles(await configured(temporary.path), plain, host, signal);
  expect(secrets).toEqual([]);
  expect(textOf(files)).not.toContain(canary);
  const signature = '/etc/lifeboat/lifeboat.yaml.sig';
  expect(files.map(({ path }) => path)).toEqual([
    '/etc/lifeboat/lifeboat.yaml',
    '/etc/lifeboat/known_hosts',
    signature,
  ]);
  expect(textOf(files)).not.toContain(await secretOf(join(temporary.path, 'key')));
  // What an unattended recovery may do is the host's own word, as the recovery code alone can tell.
  const [content, signed] = [files[0], files[2]].map((file) => Buffer.from(file?.content ?? ''));
  const vouched = judgeConfiguration(content ?? Buffer.alloc(0), signed, 'web1', keyringOfRecoveryCode(code));
  expect(vouched).toBe('trusted');
  const config = parseConfig(Buffer.from(files[0]?.content ?? '').toString(), 'there');
  expect(config).toMatchObject({ repository: 'sftp://nas/backups', ssh: { knownHosts: '/etc/lifeboat/known_hosts' } });
  expect(config.host).toBeDefined();
});

test('what opens the backups goes in where that was asked for, but never the recovery code', async ({ signal }) => {
  await using temporary = await temporaryDirectory();
  await using host = localHost();
  const embedding = { keepHostKeys: false, embedCredentials: true };
  const { files, secrets } = await rescueFiles(await configured(temporary.path), embedding, host, signal);
  expect(secrets).toEqual([expect.stringMatching(/who holds the medium can read all of them/)]);
  expect(files.map(({ path, mode }) => `${path} ${mode?.toString(8)}`)).toEqual([
    '/etc/lifeboat/lifeboat.yaml 600',
    '/etc/lifeboat/known_hosts undefined',
    '/etc/lifeboat/secrets/repository 600',
    '/etc/lifeboat/key 600',
    '/etc/lifeboat/ssh-identity 600',
    '/etc/lifeboat/lifeboat.yaml.sig undefined',
  ]);
  expect(textOf(files)).not.toMatch(/recovery-code|chat\.example/);
  expect(parseConfig(Buffer.from(files[0]?.content ?? '').toString(), 'there')).toMatchObject({
    key: '/etc/lifeboat/key',
    ssh: { identityFile: '/etc/lifeboat/ssh-identity' },
  });
});

test('a configuration with a secret in it, and a key that others can read, are refused', async ({ signal }) => {
  await using temporary = await temporaryDirectory();
  await using host = localHost();
  const file = await configured(temporary.path);
  await chmod(join(temporary.path, 'key'), 0o644);
  const embedding = { keepHostKeys: false, embedCredentials: true };
  await expect(rescueFiles(file, embedding, host, signal)).rejects.toMatchObject({ code: 'untrusted' });
  await writeFile(file, 'repository: sftp://me:hunter2@nas/x\nbackup: { include: [/] }\n');
  await expect(rescueFiles(file, plain, host, signal)).rejects.toMatchObject({ code: 'config-invalid' });
});

test.skipIf(spawnSync('openssl', ['version']).status !== 0)(
  'of a password goes in what it is checked by (needs openssl)',
  async ({ signal }) => {
    await using temporary = await temporaryDirectory();
    await using host = localHost();
    const embedding = { ...plain, rootPassword: new Secret('correct horse') };
    const { files, secrets } = await rescueFiles(join(temporary.path, 'none'), embedding, host, signal);
    expect(secrets).toEqual([expect.stringMatching(/^a password of root: who guesses it/)]);
    expect(textOf(files)).toMatch(/^\/etc\/shadow: root:\$6\$[^:]+:20000:0:99999:7:::\n/);
    expect(textOf(files)).not.toContain('correct horse');
  },
);
