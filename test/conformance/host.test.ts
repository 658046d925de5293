import { expect, test } from 'vitest';
import { chrootHost } from '../../src/host/chroot.ts';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { recordedHost } from '../../src/host/recorded.ts';
import { recordingHost } from '../../src/host/recording.ts';
import { sshHost } from '../../src/host/ssh.ts';
import { connectAgent } from '../../src/machine/agent.ts';
import { startAgent } from '../helpers/agent.ts';
import { smallRoot } from '../helpers/small-root.ts';
import { startSshd } from '../helpers/sshd.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { describeHost } from './host.ts';

describeHost('local', {
  async open() {
    const { path, [Symbol.asyncDispose]: dispose } = await temporaryDirectory();
    return { host: localHost(), directory: path, [Symbol.asyncDispose]: dispose };
  },
});

const isRoot = process.geteuid?.() === 0;

/** Hosts that only root can make here are skipped as a whole, with the reason as the name of the one skipped test. */
const withRoot = (name: string, register: () => void) => {
  if (isRoot) register();
  else test.skip(`host: ${name} (needs root)`);
};

withRoot('ssh', () => {
  describeHost('ssh', {
    async open() {
      await using stack = new AsyncDisposableStack();
      const sshd = stack.use(await startSshd());
      const { path } = stack.use(await temporaryDirectory());
      const { port, user, privateKeyPath: privateKey, knownHostsPath: knownHosts } = sshd;
      const options = { host: '127.0.0.1', port, user, privateKey, knownHosts };
      const host = stack.use(await sshHost(options, new AbortController().signal));
      const owned = stack.move();
      return { host, directory: path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
    },
  });
});

describeHost('agent', {
  async open() {
    await using stack = new AsyncDisposableStack();
    const { socket } = stack.use(await startAgent());
    const { path } = stack.use(await temporaryDirectory());
    const host = stack.use(await connectAgent(socket, { name: 'agent' }, new AbortController().signal));
    const owned = stack.move();
    return { host, directory: path, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  },
});

const tools = ['cat', 'chmod', 'dd', 'env', 'grep', 'head', 'ln', 'ls', 'mkdir', 'mkfifo', 'mktemp', 'mv', 'printf'];
const moreTools = ['rm', 'setsid', 'sh', 'sleep', 'stat', 'sync', 'tr', 'true', 'uname'];

withRoot('chroot', () => {
  describeHost('chroot', {
    async open() {
      const { path, [Symbol.asyncDispose]: dispose } = await smallRoot([...tools, ...moreTools]);
      return { host: chrootHost(localHost(), path), directory: '/tmp', [Symbol.asyncDispose]: dispose };
    },
    skip: { 'read proc': 'nothing is mounted in a chroot' },
  });
});

const noProcess = 'a recording starts no process';
const noWriting = 'a recording cannot be written to';
const asked = 'only what was recorded can be asked';

/** What the suite will ask is first asked of this machine; the answers of the recording are then those of the machine. */
describeHost('recorded', {
  async open() {
    const { host: base, recording } = recordingHost(localHost());
    const signal = new AbortController().signal;
    await Promise.allSettled([
      base.run(['cat'], {}, signal),
      base.run(['sh', '-c', 'echo out; echo why >&2; exit 3'], {}, signal),
      base.run(['true'], {}, signal),
      base.run(['sh', '-c', 'exit 127'], {}, signal),
      base.run(['sh', '-c', 'kill -KILL $$'], {}, signal),
      base.run(['no-such-tool'], {}, signal),
      base.run(['/no/such/tool'], {}, signal),
      base.run(['sh', '-c', 'exit 4'], {}, signal),
      base.run(['sh', '-c', 'echo one >&2; printf "two\\nthr" >&2; printf ee >&2'], {}, signal),
      base.read('/proc/self/status', {}, signal),
      base.read('/never', {}, signal),
    ]);
    const copy: unknown = JSON.parse(JSON.stringify(recording()));
    const host: Host = recordedHost(copy);
    return { host, directory: '', async [Symbol.asyncDispose]() {} };
  },
  skip: {
    argv: asked,
    environment: asked,
    'stdin bytes': noProcess,
    'stdin stream': noProcess,
    'stdin not read': noProcess,
    'stdin fails': noProcess,
    'bad names': asked,
    'stderr tail': asked,
    'max output': noProcess,
    'time limit': noProcess,
    stubborn: noProcess,
    'left behind': noProcess,
    abort: noProcess,
    stream: asked,
    'stream time limit': noProcess,
    'early break': noProcess,
    read: noWriting,
    'read fifo': noProcess,
    write: noWriting,
    'write failing': noWriting,
  },
});

test('a recorded host refuses what was not recorded', async () => {
  const host = recordedHost({ commands: [], files: { '/absent': null } });
  const signal = new AbortController().signal;
  await expect(host.run(['lsblk'], {}, signal)).rejects.toThrow('does not hold the command lsblk');
  await expect(host.read('/etc/fstab', {}, signal)).rejects.toThrow('does not hold the file /etc/fstab');
  await expect(host.read('/absent', {}, signal)).rejects.toMatchObject({ code: 'not-found' });
});
