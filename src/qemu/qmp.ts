/** QMP, the protocol by which a running QEMU is told what to do: lines of JSON over a socket. */
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { limited, raceAbort } from '../kernel/wait.ts';
import { qemuJson } from './json.ts';
import { connectWhenThere } from './socket.ts';

const messageSchema = z.union([
  z.object({ QMP: z.object({}) }),
  z.object({ return: z.unknown(), id: z.number() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() }),
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).optional() }),
]);

export interface QmpEvent {
  /** Such as `SHUTDOWN` or `DEVICE_DELETED`. */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Qmp extends AsyncDisposable {
  /**
   * Carries out a command.
   *
   * @throws LifeboatError `machine-failed` with what QEMU says, `machine-timeout` after `timeoutMs`
   * @param timeoutMs 30 s by default
   */
  execute(command: string, args: object, signal: AbortSignal, timeoutMs?: number): Promise<unknown>;
  /** Tells of every event from now on; the function that is returned ends that. */
  onEvent(listener: (event: QmpEvent) => void): () => void;
}

/** Connects to the socket, which may not be there yet. */
export async function connectQmp(path: string, signal: AbortSignal): Promise<Qmp> {
  await using stack = new AsyncDisposableStack();
  const qmp = stack.use(new Connection(await connectWhenThere(path, signal)));
  await qmp.execute('qmp_capabilities', {}, signal);
  stack.move();
  return qmp;
}

class Connection implements Qmp {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #last = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    const lines = createInterface({ input: socket });
    lines.on('line', (line) => {
      try {
        this.#receive(line);
      } catch (cause) {
        // Such as a line that was cut when QEMU was killed.
        this.#fail(new LifeboatError('machine-failed', 'what comes from QEMU makes no sense', { cause }));
        socket.destroy();
      }
    });
    // An error is followed by the end, which is what those who wait are told of.
    for (const source of [socket, lines]) source.on('error', () => undefined);
    socket.on('close', () => this.#fail(new LifeboatError('machine-failed', 'QEMU has ended')));
  }

  async execute(command: string, args: object, signal: AbortSignal, timeoutMs = 30_000): Promise<unknown> {
    this.#last += 1;
    const id = this.#last;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    if (this.#socket.destroyed) this.#fail(new LifeboatError('machine-failed', 'QEMU has ended'));
    else this.#socket.write(`${qemuJson({ execute: command, arguments: args, id })}\n`);
    const tooLong = () => new LifeboatError('machine-timeout', `QEMU does not answer: ${command}`);
    using limit = limited(signal, timeoutMs, tooLong);
    try {
      return await raceAbort(answer.promise, limit.signal);
    } catch (error) {
      if (!(error instanceof LifeboatError) || error.code !== 'machine-failed') throw error;
      throw new LifeboatError('machine-failed', `${command}: ${error.message}`, { cause: error });
    } finally {
      this.#waiting.delete(id);
    }
  }

  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    const message = messageSchema.parse(JSON.parse(line));
    if ('event' in message) {
      for (const listener of this.#listeners) listener({ name: message.event, data: message.data ?? {} });
    } else if ('return' in message) {
      this.#waiting.get(message.id)?.resolve(message.return);
    } else if ('error' in message && message.id !== undefined) {
      this.#waiting.get(message.id)?.reject(new LifeboatError('machine-failed', message.error.desc));
    }
  }

  #fail(error: LifeboatError): void {
    for (const answer of this.#waiting.values()) answer.reject(error);
    this.#waiting.clear();
  }
}
