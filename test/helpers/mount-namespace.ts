/** This machine with mounts of its own: what is mounted there nobody else sees, and it goes with the last process in it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readByCommand, writeByCommands } from '../../src/host/by-commands.ts';
import type { Argv, Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';

/** Why there can be none here; `undefined` where there can. */
export function namespaceObstacle(): string | undefined {
  const { status } = spawnSync('unshare', ['--mount', 'true']);
  return status === 0 ? undefined : ' (skipped: needs the right to make namespaces of mounts)';
}

export async function mountNamespace(): Promise<Host> {
  const base = localHost();
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  const inside = (argv: Argv): Argv => ['nsenter', `--target=${holder.pid}`, '--mount', ...argv];
  const host: Host = {
    name: 'namespace',
    run: (argv, options, signal) => base.run(inside(argv), options, signal),
    stream: (argv, options, signal) => base.stream(inside(argv), options, signal),
    read: (path, options, signal) => readByCommand(host, path, options, signal),
    write: (path, data, options, signal) => writeByCommands(host, path, data, options, signal),
    async [Symbol.asyncDispose]() {
      holder.kill();
      await once(holder, 'exit');
      await base[Symbol.asyncDispose]();
    },
  };
  return host;
}
