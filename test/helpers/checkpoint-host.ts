/** The root for containers, with CRIU, and in it lifeboat as a person starts it there, with the Node of this machine. */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Argv, Host, RunOptions } from '../../src/host/host.ts';
import { anyCode } from '../../src/host/any-code.ts';
import { nativeProgram } from '../../src/native/addon.ts';
import { type CliDocument, lifeboat, root } from './cli.ts';
import { type ContainerHostOptions, containerHost } from './container-host.ts';

const { signal } = new AbortController();

export interface CheckpointHost extends Host {
  /** Runs a command and gives what it says, however it ends. */
  tried(argv: Argv, options?: RunOptions): Promise<{ readonly code: number; readonly said: string }>;
  /** Runs lifeboat with `--json`. */
  lifeboat(...args: readonly string[]): Promise<{ readonly code: number; readonly json: CliDocument }>;
  readonly lifeboatArgv: Argv;
  /** What there is that a checkpoint or restore could leave behind; not what podman, crun, docker and LXC keep once they were used, nor what belongs to systemd. */
  things(): Promise<readonly string[]>;
}

/**
 * Busybox and a process with a TCP connection that counts are in its `/ct/rootfs`, which holds the counters in `tmp`.
 *
 * @param options what is there besides lifeboat
 */
export async function checkpointHost({
  shared = [],
  more = [],
}: Pick<ContainerHostOptions, 'shared' | 'more'> = {}): Promise<CheckpointHost> {
  const own = [root, realpathSync(join(root, 'node_modules')), dirname(realpathSync(process.execPath))];
  const host = await containerHost({ criu: true, more, shared: [...own, ...shared] });
  const lifeboatArgv: Argv = [realpathSync(process.execPath), lifeboat];
  return await checkpointHostOf(host, lifeboatArgv, nativeProgram('criu-probe'));
}

/** Of a root for containers that there is already. @param probe the program that counts, as it is seen there */
export async function checkpointHostOf(host: Host, lifeboatArgv: Argv, probe: string): Promise<CheckpointHost> {
  await host.run(['mkdir', '-p', '/srv'], {}, signal);
  await host.run(['cp', probe, '/ct/rootfs/bin/'], {}, signal);
  const tried = async (argv: Argv, options: RunOptions = {}) => {
    const { code, stdout, stderr } = await host.run(argv, { timeoutMs: 300_000, ...options, okCodes: anyCode }, signal);
    return { code, said: `${stdout.toString()}${stderr}` };
  };
  const listed = async (...argv: Argv): Promise<readonly string[]> =>
    (await tried(argv)).said
      .split('\n')
      .filter(
        (line) =>
          line !== '' &&
          !/libpod_parent(\/conmon)?$|\/docker$|\/lxc\.pivot$|\.(service|slice|scope|mount|socket|swap)$|\.cache$|No such file/.test(
            line,
          ),
      );
  return {
    name: host.name,
    run: host.run,
    stream: host.stream,
    read: host.read,
    write: host.write,
    tried,
    lifeboatArgv,
    async lifeboat(...args) {
      const argv: Argv = [...lifeboatArgv, '--json', ...args];
      const { code, stdout, stderr } = await host.run(argv, { timeoutMs: 300_000, okCodes: anyCode }, signal);
      if (stdout.length === 0) throw new Error(`lifeboat ${args.join(' ')} said nothing: ${stderr}`);
      return { code, json: JSON.parse(stdout.toString()) as CliDocument };
    },
    things: async () => [
      ...(await listed('find', '/sys/fs/cgroup', '-type', 'd')),
      ...(await listed('nft', 'list', 'tables')),
      ...(await listed('cut', '-d', ' ', '-f', '5', '/proc/1/mountinfo')),
      ...(await listed('find', '/run/runc', '/run/crun', '/run/netns', '-mindepth', '1', '-maxdepth', '1')),
      ...(await listed('find', '/srv', '/ct', '-maxdepth', '1')),
    ],
    [Symbol.asyncDispose]: async () => await host[Symbol.asyncDispose](),
  };
}

/** How far the program of a container has come that counts there. */
export async function countIn(host: Host, name: string): Promise<number> {
  const { stdout } = await host.run(['cat', `/ct/rootfs/tmp/${name}`], { okCodes: [0, 1] }, signal);
  // A number in words, or the eight bytes that the process with a connection has there.
  if (stdout.length < 8 || !stdout.includes(0)) return Number(stdout.toString());
  return Number(stdout.readBigUInt64LE(0));
}

/** Waits until it has counted on. */
export async function counts(host: Host, name: string): Promise<number> {
  const before = await countIn(host, name);
  const until = Date.now() + 10_000;
  for (;;) {
    const now = await countIn(host, name);
    if (now > before + 2) return now;
    if (Date.now() > until) throw new Error(`${name} counts no more: it stands at ${now}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
