/** A machine behind ssh. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { abortError, throwIfAborted } from '../kernel/wait.ts';
import { readByCommand, writeByCommands } from './by-commands.ts';
import type { Start } from './child.ts';
import { runCommand, streamCommand } from './command.ts';
import type { Host } from './host.ts';
import { startOverSsh } from './ssh-child.ts';
import { connect, type SshOptions } from './ssh-connect.ts';

/**
 * Connects and logs in. The account's login shell must be a POSIX shell, and must print nothing on stdout by itself.
 *
 * @throws LifeboatError `unreachable`, `host-key`, `permission-denied`
 */
export async function sshHost(options: SshOptions, signal: AbortSignal): Promise<Host> {
  const client = await connect(options, signal);
  const slots = new Slots(options.maxCommands ?? 8);
  const start: Start = async (argv, startOptions, startSignal) => {
    const release = await slots.take(startSignal);
    try {
      const child = await startOverSsh(client, argv, startOptions, startSignal);
      void child.closed.then(release);
      return child;
    } catch (error) {
      release();
      throw error;
    }
  };
  const host: Host = {
    name: `ssh://${options.user ?? 'root'}@${options.host}:${options.port ?? 22}`,
    run: (argv, runOptions, own) => runCommand(start, argv, runOptions, own),
    stream: (argv, streamOptions, own) => streamCommand(start, argv, streamOptions, own),
    read: (path, readOptions, own) => readByCommand(host, path, readOptions, own),
    write: (path, data, writeOptions, own) => writeByCommands(host, path, data, writeOptions, own),
    async [Symbol.asyncDispose]() {
      const closed = once(client, 'close');
      client.end();
      await Promise.race([closed, delay(1_000)]);
      client.destroy();
    },
  };
  return host;
}

/** Lets no more than so many commands run at once, in the order in which they came. */
class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Gives the function that gives the slot back; calling it again does nothing. */
  async take(signal: AbortSignal): Promise<() => void> {
    throwIfAborted(signal);
    if (this.#free === 0) await this.#wait(signal);
    else this.#free -= 1;
    let taken = true;
    return () => {
      if (taken) this.#giveBack();
      taken = false;
    };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const turn = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#waiting.delete(turn.resolve);
      turn.reject(abortError(signal));
    };
    this.#waiting.add(turn.resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
