/**
 * A machine of its own, as far as its network goes: namespaces of network, mounts and host name, an empty `/etc` and `/run`, and a `/sys`
 * that shows its links. It lives in a process that sleeps, and is gone with it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readByCommand } from '../../src/host/by-commands.ts';
import type { Argv, Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { endProcess } from '../helpers/child-process.ts';

export interface Machine extends AsyncDisposable {
  readonly host: Host;
  /** What comes before a command for it to run there. */
  readonly enter: Argv;
  /** Runs a command line in it; words are separated by blanks. @throws Error when it fails, with what it said */
  run(line: string, input?: string): string;
  write(path: string, content: string): void;
}

/** Why there can be no such machine here; `undefined` where it can. */
export function noMachine(): string | undefined {
  if (process.geteuid?.() !== 0) return 'only root makes namespaces';
  try {
    for (const tool of ['nft', 'setpriv', 'nsenter']) execFileSync(tool, ['--version'], { stdio: 'pipe' });
  } catch (error) {
    return `a tool is missing: ${String(error).split('\n', 1)[0]}`;
  }
  try {
    execFileSync('unshare', ['-n', '-m', '-u', 'ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1'], {
      stdio: 'pipe',
    });
    return undefined;
  } catch (error) {
    return `no veth pair in a new namespace: ${String(error).split('\n', 1)[0]}`;
  }
}

export async function machine(): Promise<Machine> {
  const child = spawn('unshare', ['-n', '-m', '-u', '--propagation', 'private', 'sleep', '3600'], { stdio: 'ignore' });
  const { pid } = child;
  if (pid === undefined) throw new Error('unshare was not started');
  const namespace = (of: string) => readlinkSync(`/proc/${of}/ns/net`);
  while (namespace(String(pid)) === namespace('self')) await delay(2);
  const prefix: Argv = ['nsenter', '-t', String(pid), '-n', '-m', '-u', '--'];
  const [program, ...options] = prefix;
  const execute = (argv: readonly string[], input = ''): string =>
    execFileSync(program, [...options, ...argv], { input, encoding: 'utf8', stdio: 'pipe' });
  execute(['mount', '-t', 'sysfs', 'none', '/sys']);
  for (const place of ['/etc', '/run', '/usr/lib/sysctl.d']) execute(['mount', '-t', 'tmpfs', 'none', place]);
  execute(['tee', '/proc/sys/kernel/hostname'], 'web1\n');
  const write = (path: string, content: string): void => {
    execute(['mkdir', '-p', dirname(path)]);
    execute(['tee', path], content);
  };
  write('/etc/resolv.conf', 'nameserver 192.0.2.53\nsearch example.test\noptions edns0\n');
  write('/etc/hosts', '127.0.0.1 localhost\n192.0.2.10 web1.example.test web1 # itself\n');
  const base = localHost();
  const host: Host = {
    ...base,
    name: 'machine',
    run: (argv, given, signal) => base.run([...prefix, ...argv], given, signal),
    read: (path, given, signal) => readByCommand(host, path, given, signal),
  };
  return {
    host,
    enter: prefix,
    run: (line, input) => execute(line.split(' '), input),
    write,
    [Symbol.asyncDispose]: () => endProcess(child),
  };
}
