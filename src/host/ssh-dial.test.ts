import { spawn } from 'node:child_process';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'ssh2';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { endProcess, output } from '../../test/helpers/child-process.ts';
import { type Sshd, startSshd } from '../../test/helpers/sshd.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { noSecrets, Secret } from '../kernel/secret.ts';
import {
  parseJump,
  parseResolved,
  resolveSsh,
  type SshDestination,
  type SshSettings,
  withoutClient,
} from './ssh-config.ts';
import { dialSsh } from './ssh-dial.ts';

test.each([
  ['gate', { host: 'gate' }],
  ['me@gate:2222', { host: 'gate', user: 'me', port: 2222 }],
  ['ssh://me@gate:2222', { host: 'gate', user: 'me', port: 2222 }],
  ['me@[fe80::1]:22', { host: 'fe80::1', user: 'me', port: 22 }],
])('a host to jump through: %s', (text, expected) => {
  expect(parseJump(text)).toEqual(expected);
});

test('what ssh -G prints is read, with its tokens', () => {
  const text = [
    'host nas',
    'hostname nas.example',
    'user backup',
    'port 2222',
    'identityfile /keys/%r@%h.%n',
    'identityfile none',
    'identitiesonly yes',
    'identityagent none',
    'hostkeyalias storage',
    'userknownhostsfile /known/one /known/two',
    'globalknownhostsfile none',
    'proxyjump a,b:23',
    'connecttimeout 7',
    'proxycommand none',
    '',
  ].join('\n');
  expect(parseResolved(text, { host: 'nas' })).toEqual({
    host: 'nas.example',
    port: 2222,
    user: 'backup',
    identityFiles: ['/keys/backup@nas.example.nas'],
    identitiesOnly: true,
    knownHosts: ['/known/one', '/known/two'],
    keyAlias: 'storage',
    jumps: [{ host: 'a' }, { host: 'b', port: 23 }],
    connectTimeoutMs: 7000,
  });
  expect(() => parseResolved('proxycommand nc %h %p\n', { host: 'nas' })).toThrow(/ProxyCommand/);
});

test('a host that would be an option of ssh is refused, and a wrong configuration is told', async ({ signal }) => {
  await expect(resolveSsh({ host: '-oProxyCommand=x' }, {}, signal)).rejects.toMatchObject({ code: 'config-invalid' });
  await using directory = await temporaryDirectory();
  const configFile = join(directory.path, 'config');
  await writeFile(configFile, 'Host x\n  Prot 22\n');
  const failure = await resolveSsh({ host: 'x' }, { configFile }, signal).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'config-invalid', cause: { message: expect.stringContaining('prot') } });
});

test('without OpenSSH its defaults apply', () => {
  expect(withoutClient({ host: 'nas', user: 'me' }, {})).toMatchObject({
    host: 'nas',
    user: 'me',
    port: 22,
    jumps: [],
    identityFiles: expect.arrayContaining([expect.stringMatching(/\.ssh\/id_ed25519$/)]),
    knownHosts: [expect.stringMatching(/\.ssh\/known_hosts$/), '/etc/ssh/ssh_known_hosts'],
  });
  expect(withoutClient({ host: 'nas', port: 23 }, { identityFile: '/k', knownHosts: '/h' })).toMatchObject({
    port: 23,
    identityFiles: ['/k'],
    knownHosts: ['/h', '/etc/ssh/ssh_known_hosts'],
  });
});

describe.skipIf(process.geteuid?.() !== 0)('against real servers (needs root)', () => {
  let sshd: Sshd;
  let gate: Sshd;
  let folder = '';
  const stack = new AsyncDisposableStack();
  beforeAll(async () => {
    folder = stack.use(await temporaryDirectory()).path;
    sshd = stack.use(await startSshd());
    gate = stack.use(await startSshd());
  }, 120_000);
  afterAll(() => stack.disposeAsync());

  /** Logs in and out again. */
  async function login(
    destination: Partial<SshDestination>,
    settings: SshSettings,
    signal: AbortSignal,
    secret?: string,
  ): Promise<Client> {
    const secrets = secret === undefined ? noSecrets : { get: () => new Secret(secret) };
    const client = await dialSsh({ host: '127.0.0.1', ...destination }, { settings, secrets }, signal);
    client.destroy();
    return client;
  }

  const at = () => ({ port: sshd.port, user: sshd.user });

  test('a key with a passphrase, which is asked for by name and not told', async ({ signal }) => {
    const key = join(folder, 'locked');
    await copyFile(sshd.privateKeyPath, key);
    await chmod(key, 0o600);
    await output('ssh-keygen', '-q', '-p', '-P', '', '-N', 'open sesame', '-f', key);
    const settings = { identityFile: key, knownHosts: sshd.knownHostsPath };
    await login(at(), settings, signal, 'open sesame');
    for (const wrong of [undefined, 'close sesame']) {
      await expect(login(at(), settings, signal, wrong)).rejects.toMatchObject({
        code: 'permission-denied',
        message: expect.not.stringContaining('sesame'),
        hint: expect.stringContaining('ssh-passphrase'),
      });
    }
    await chmod(key, 0o644);
    await expect(login(at(), settings, signal, 'open sesame')).rejects.toMatchObject({
      message: expect.stringContaining('can be read by others'),
    });
  });

  test('an agent, of which only the key that is named is used', async ({ signal }) => {
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => endProcess(agent));
    const others = Array.from({ length: 8 }, (_, index) => join(folder, `other-${index}`));
    for (const path of others) await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path);
    const named = join(folder, 'named');
    await copyFile(`${sshd.privateKeyPath}.pub`, `${named}.pub`);
    await new Promise((resolve) => agent.stdout.once('data', resolve));
    vi.stubEnv('SSH_AUTH_SOCK', socket);
    onTestFinished(() => void vi.unstubAllEnvs());
    for (const path of [...others, sshd.privateKeyPath]) {
      await output('env', `SSH_AUTH_SOCK=${socket}`, 'ssh-add', '-q', path);
    }
    // The server hangs up after six keys; the right one is the ninth.
    await login(at(), { identityFile: named, knownHosts: sshd.knownHostsPath }, signal);
    const configFile = join(folder, 'only');
    await writeFile(configFile, `Host *\n  IdentityFile ${named}\n  IdentitiesOnly yes\n`);
    await login(at(), { configFile, knownHosts: sshd.knownHostsPath }, signal);
  });

  test('a name of ~/.ssh/config, behind a jump host, with an alias of its key', async ({ signal }) => {
    const known = async (path: string, name: string) => (await readFile(path, 'utf8')).replace(/^\S+/gm, name);
    const knownHosts = join(folder, 'known');
    const configFile = join(folder, 'config');
    await mkdir(join(folder, 'd'));
    await writeFile(
      join(folder, 'd/more'),
      `Host nas\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  User ${sshd.user}\n  IdentityFile ${sshd.privateKeyPath}\n  HostKeyAlias storage\n  ProxyJump gate\n`,
    );
    await writeFile(
      configFile,
      `Include ${folder}/d/*\nMatch originalhost gate\n  HostName 127.0.0.1\n  Port ${gate.port}\n  IdentityFile ${gate.privateKeyPath}\n`,
    );
    await writeFile(knownHosts, await readFile(gate.knownHostsPath, 'utf8'));
    const settings = { configFile, knownHosts };
    const refused = await login({ host: 'nas' }, settings, signal).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'host-key',
      message: expect.stringContaining('the key of storage is not in'),
    });
    // What the hint says works, although nobody could scan the host from here.
    const command = /then: (echo .*)$/.exec(Object(refused).hint)?.[1] ?? '';
    expect(command).toContain((await known(sshd.knownHostsPath, 'storage')).trim());
    await output('sh', '-c', command);
    await login({ host: 'nas' }, settings, signal);
    await gate.stop();
    const failure = { code: 'unreachable', retryable: true };
    await expect(login({ host: 'nas' }, settings, signal)).rejects.toMatchObject(failure);
    await gate.start();
  });

  test('jump hosts that name each other come to an end', async ({ signal }) => {
    const configFile = join(folder, 'loop');
    await writeFile(configFile, 'Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n');
    await expect(login({ host: 'a' }, { configFile }, signal)).rejects.toMatchObject({ code: 'config-invalid' });
  });
});
