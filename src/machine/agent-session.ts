/** A session with the agent in a virtual machine: many commands at once over one stream of bytes. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { abortError, throwIfAborted } from '../kernel/wait.ts';
import { type FromAgent, FrameReader, helloFrame, inputHeader } from './agent-frames.ts';

/** What a command hears of its own. */
export interface Listener {
  /** @throws LifeboatError `unreachable` for what an agent never says: the session is then over */
  hear(frame: FromAgent): void;
  /** The session is over, and nothing more will be heard. */
  lose(error: LifeboatError): void;
}

/** Of an input goes so much at once, so that others get their turn. */
export const maxInput = 64 * 1024;

/** How long the first answer may take before it is asked for again, in milliseconds; doubled up to the other. */
const patience = { first: 500, most: 5_000 } as const;
/** Fills up a frame of another session that was cut where the agent did not see that session end. */
const padding = Buffer.alloc(maxInput + 64);

/**
 * Begins a session on a stream to the agent, whatever is still under way in it. What ran in an earlier session is killed.
 *
 * @throws LifeboatError `unreachable` when the stream ends before an answer, `interrupted`
 */
export async function beginSession(name: string, socket: Socket, signal: AbortSignal): Promise<AgentSession> {
  const hello = helloFrame(randomBytes(16));
  const answered = Promise.withResolvers<Buffer>();
  let seen = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]);
    const at = seen.indexOf(hello);
    if (at < 0) {
      seen = seen.subarray(-hello.length);
      return;
    }
    socket.pause();
    answered.resolve(seen.subarray(at + hello.length));
  };
  const onClose = () => answered.reject(connectionLost(name));
  const onAbort = () => answered.reject(abortError(signal));
  let timer: NodeJS.Timeout | undefined;
  const askAgain = (ms: number) => {
    timer = setTimeout(() => {
      // A machine that boots reads nothing yet, and one question is enough for it.
      if (socket.writableLength === 0) socket.write(Buffer.concat([padding, hello]));
      askAgain(Math.min(2 * ms, patience.most));
    }, ms);
  };
  socket.on('data', onData);
  socket.once('close', onClose);
  socket.on('error', heardByClose);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    throwIfAborted(signal);
    socket.write(hello);
    askAgain(patience.first);
    return new AgentSession(name, socket, await answered.promise);
  } finally {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('close', onClose);
    signal.removeEventListener('abort', onAbort);
  }
}

export class AgentSession {
  readonly #name: string;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #listeners = new Map<number, Listener>();
  #lastId = 0;
  #lost: LifeboatError | undefined;

  /** @param rest what came after the agent's greeting */
  constructor(name: string, socket: Socket, rest: Buffer) {
    this.#name = name;
    this.#socket = socket;
    socket.on('close', () => this.#lose(connectionLost(name)));
    if (socket.destroyed) this.#lose(connectionLost(name));
    this.#take(rest);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.resume();
  }

  /**
   * The id of a new command, of which `listener` hears.
   *
   * @throws LifeboatError `unreachable`
   */
  open(listener: Listener): number {
    if (this.#lost !== undefined) throw this.#lost;
    this.#lastId += 1;
    this.#listeners.set(this.#lastId, listener);
    return this.#lastId;
  }

  /** Nothing more is heard of this command. */
  forget(id: number): void {
    this.#listeners.delete(id);
  }

  /** Whether the command is not forgotten and the session not over. */
  knows(id: number): boolean {
    return this.#listeners.has(id);
  }

  send(frame: Buffer): void {
    if (this.#lost === undefined) this.#socket.write(frame);
  }

  /** @param bytes at most {@link maxInput}; free again when this settles. What could not be sent is no error here */
  async sendInput(id: number, bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.cork();
      this.#socket.write(inputHeader(id, bytes.length));
      this.#socket.write(bytes, () => resolve());
      this.#socket.uncork();
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    });
    this.#socket.destroy();
    await closed;
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) this.#tell(frame);
    } catch (error) {
      this.#lose(asLifeboatError(error));
    }
  }

  #tell(frame: FromAgent): void {
    if (frame.kind === 'lost') {
      throw new LifeboatError('unreachable', `the agent in ${this.#name} has begun anew`, { retryable: true });
    }
    // Of a command that was just forgotten something may still be under way.
    this.#listeners.get(frame.id)?.hear(frame);
  }

  #lose(error: LifeboatError): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#socket.destroy();
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of listeners) listener.lose(error);
  }
}

/** An error of the socket is followed by its close. */
function heardByClose(): void {
  return;
}

function connectionLost(name: string): LifeboatError {
  return new LifeboatError('unreachable', `the connection to the agent in ${name} was lost`, { retryable: true });
}
