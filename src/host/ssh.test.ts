import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { output } from '../../test/helpers/child-process.ts';
import { type Sshd, startSshd } from '../../test/helpers/sshd.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import type { Host } from './host.ts';
import { sshHost } from './ssh.ts';
import type { SshOptions } from './ssh-connect.ts';

const never = () => new AbortController().signal;
const isRoot = process.geteuid?.() === 0;

test('a server that accepts and then says nothing costs a bounded wait', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const options = { host: '127.0.0.1', port, knownHosts: '/dev/null', connectTimeoutMs: 300 };
  await expect(sshHost(options, never())).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  const patient = { ...options, connectTimeoutMs: 60_000 };
  await expect(sshHost(patient, AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'interrupted' });
  server.close();
  await expect(sshHost(options, never())).rejects.toMatchObject({ code: 'unreachable' });
});

describe.skipIf(!isRoot)('against a real server (needs root)', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  }, 60_000);
  afterAll(() => sshd[Symbol.asyncDispose]());
  const options = (more: Partial<SshOptions> = {}): SshOptions => ({
    host: '127.0.0.1',
    port: sshd.port,
    user: sshd.user,
    privateKey: sshd.privateKeyPath,
    knownHosts: sshd.knownHostsPath,
    ...more,
  });

  /** The process of the server that a command is a child of, which is the one that holds our connection. */
  const serverProcess = async (host: Host) => {
    const { stdout } = await host.run(['sh', '-c', 'echo $PPID'], {}, never());
    return Number(stdout.toString());
  };

  test('keys that are unknown, changed or revoked are refused with the way out', async () => {
    await using temporary = await temporaryDirectory();
    const knownHosts = join(temporary.path, 'known_hosts');
    const own = await readFile(sshd.knownHostsPath, 'utf8');
    await expect(sshHost(options({ knownHosts }), never())).rejects.toMatchObject({
      code: 'host-key',
      hint: expect.stringContaining(`echo '${own.trim()}' >> '${knownHosts}'`),
    });
    await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(temporary.path, 'other'));
    const other = (await readFile(join(temporary.path, 'other.pub'), 'utf8')).trim();
    await writeFile(knownHosts, `[127.0.0.1]:${sshd.port} ${other}\n`);
    await expect(sshHost(options({ knownHosts }), never())).rejects.toMatchObject({
      code: 'host-key',
      hint: expect.stringContaining(`ssh-keygen -R '[127.0.0.1]:${sshd.port}'`),
    });
    await writeFile(knownHosts, `${own}@revoked ${own}`);
    await expect(sshHost(options({ knownHosts }), never())).rejects.toMatchObject({ code: 'host-key' });
    await writeFile(knownHosts, own);
    await output('ssh-keygen', '-q', '-H', '-f', knownHosts);
    await using host = await sshHost(options({ knownHosts }), never());
    expect(host.name).toBe(`ssh://${sshd.user}@127.0.0.1:${sshd.port}`);
  });

  test('a key that the server does not know is refused', async () => {
    await using temporary = await temporaryDirectory();
    const privateKey = join(temporary.path, 'key');
    await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', privateKey);
    await expect(sshHost(options({ privateKey }), never())).rejects.toMatchObject({ code: 'permission-denied' });
  });

  test('a command leads its own session and process group', async () => {
    await using host = await sshHost(options(), never());
    const { stdout } = await host.run(['sh', '-c', 'echo $$; cat /proc/$$/stat'], {}, never());
    const [pid, stat = ''] = stdout.toString().split('\n');
    expect(
      stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(2, 4),
    ).toEqual([pid, pid]);
  });

  test('more commands than the server has sessions wait for their turn', async () => {
    await using host = await sshHost(options(), never());
    const all = Array.from({ length: 30 }, (_, index) =>
      host.run(['sh', '-c', `sleep 0.05; echo ${index}`], {}, never()),
    );
    const results = await Promise.all(all);
    expect(results.map(({ stdout }) => Number(stdout.toString()))).toEqual(results.map((_, index) => index));
  });

  test('a connection that is lost is a failure, not the end of the output', async () => {
    await using host = await sshHost(options(), never());
    const pid = await serverProcess(host);
    const running = host.stream(['sh', '-c', 'echo part; sleep 20'], {}, never());
    const reading = (async () => {
      let text = '';
      for await (const chunk of running.stdout) {
        text += Buffer.from(chunk).toString();
        process.kill(pid, 'SIGKILL');
      }
      return text;
    })();
    await expect(reading).rejects.toMatchObject({ code: 'unreachable', retryable: true });
    await expect(host.run(['true'], {}, never())).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('a server that freezes costs a bounded wait', async () => {
    const host = await sshHost(options({ keepaliveMs: 200 }), never());
    const patient = await sshHost(options({ keepaliveMs: 60_000 }), never());
    const pids = [await serverProcess(host), await serverProcess(patient)];
    const limited = expect(patient.run(['sleep', '20'], { timeoutMs: 300 }, never()));
    const unlimited = expect(host.run(['sleep', '20'], {}, never()));
    const failures = Promise.all([
      unlimited.rejects.toMatchObject({ code: 'unreachable' }),
      limited.rejects.toMatchObject({ code: 'command-timeout' }),
    ]);
    await host.run(['true'], {}, never());
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      await failures;
      await host[Symbol.asyncDispose]();
      await patient[Symbol.asyncDispose]();
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGKILL');
    }
  }, 15_000);
});
