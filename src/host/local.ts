/** This machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants, homedir } from 'node:os';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { once } from 'node:events';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { asLifeboatError, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { readByCommand } from './by-commands.ts';
import { type Child, commandText, type Start } from './child.ts';
import { runCommand, streamCommand } from './command.ts';
import { makePipe } from '../native/file.ts';
import type { Host } from './host.ts';
import { missingToolHint } from './packages.ts';
import { RING_PIPE, ringReadable } from './ring.ts';

/** How often a group that was sent SIGTERM is looked at. */
const pollMs = 20;

/** The machine that lifeboat runs on. */
export function localHost(): Host {
  const host: Host = {
    name: 'local',
    run: (argv, options, signal) => runCommand(startLocal, argv, options, signal),
    stream: (argv, options, signal) => streamCommand(startLocal, argv, options, signal),
    // By a command: a read from a dead network mount would hold one of Node's few file threads for ever.
    read: (path, options, signal) => readByCommand(host, path, options, signal),
    async write(path, data, options, signal) {
      throwIfAborted(signal);
      await writeFileAtomic(path, data, options.mode ?? 0o600);
    },
    async [Symbol.asyncDispose]() {},
  };
  return host;
}

const startLocal: Start = async (argv, { withStdin, reuse, env }, signal) => {
  throwIfAborted(signal);
  const [program, ...args] = argv;
  let own: ReturnType<typeof makePipe> | undefined;
  let fed: ReturnType<typeof makePipe> | undefined;
  try {
    if (reuse) own = makePipe(RING_PIPE);
    // Holds more than the socket that Node would make, so that the process has something to read while we are busy.
    if (withStdin) fed = makePipe(RING_PIPE);
    const child = spawn(program, args, {
      detached: true,
      cwd: '/',
      env: { ...baseEnvironment(), ...env },
      stdio: [fed?.read ?? 'ignore', own?.write ?? 'pipe', 'pipe'],
    });
    const exited = new Promise<number>((resolve) => {
      child.once('exit', (code, name) => resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
    });
    await once(child, 'spawn');
    const stdin = fed && new Socket({ fd: fed.write, readable: false, writable: true });
    return childOf(child, stdin, own === undefined ? child.stdout : ringReadable(own.read), exited, argv);
  } catch (error) {
    if (own !== undefined) closeSync(own.read);
    if (fed !== undefined) closeSync(fed.write);
    throw startError(error, argv);
  } finally {
    // The process has its own.
    if (own !== undefined) closeSync(own.write);
    if (fed !== undefined) closeSync(fed.read);
  }
};

function childOf(
  child: ChildProcess,
  stdin: Writable | undefined,
  stdout: Readable | null,
  exited: Promise<number>,
  argv: readonly [string, ...string[]],
): Child {
  const { pid, stderr } = child;
  if (pid === undefined || stdout === null || stderr === null) {
    throw new LifeboatError('bug', `${commandText(argv)} was started without a process id or pipes`);
  }
  return {
    stdin,
    stdout,
    stderr,
    exited,
    async arrived() {
      // Twice round the event loop: what lies in a pipe is read before the second turn.
      await setImmediate();
      await setImmediate();
    },
    end: (graceMs) => endGroup(pid, exited, graceMs),
    abandon() {
      for (const pipe of [stdin, stdout, stderr]) pipe?.destroy();
      child.unref();
    },
  };
}

/** SIGTERM to the group and, if any of it is left after the grace, SIGKILL. */
async function endGroup(pid: number, exited: Promise<number>, graceMs: number): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  for (let waited = 0; waited < graceMs; waited += pollMs) {
    if (!signalGroup(pid, 0)) return;
    await delay(pollMs);
  }
  signalGroup(pid, 'SIGKILL');
  await exited;
}

/** Whether the group still has members. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (hasErrno(error, 'ESRCH')) return false;
    // Not ours to signal, such as a set-user-id program: it is there, and the wait for it is bounded elsewhere.
    if (!hasErrno(error, 'EPERM')) throw error;
  }
  return true;
}

/** Only what programs need to be found and to find their files: the rest of our environment may hold secrets. */
function baseEnvironment(): Record<string, string> {
  const own = (process.env['PATH'] ?? '').split(':');
  const system = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  const path = [...new Set([...own, ...system])].filter((directory) => directory.startsWith('/')).join(':');
  return { PATH: path, HOME: process.env['HOME'] ?? homedir(), LC_ALL: 'C' };
}

function startError(error: unknown, argv: readonly [string, ...string[]]): LifeboatError {
  const [program] = argv;
  if (hasErrno(error, 'ENOENT')) {
    return new LifeboatError('tool-missing', `no such program: ${program}`, {
      hint: missingToolHint(program),
      cause: error,
    });
  }
  const known = asLifeboatError(error);
  return new LifeboatError(known.code, `cannot start ${commandText(argv)}: ${known.message}`, {
    hint: known.hint,
    retryable: known.retryable,
    cause: error,
  });
}
