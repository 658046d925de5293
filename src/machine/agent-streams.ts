/** The streams of a command in a virtual machine. None of them holds up another: each has a window of its own. */
import { Readable, Writable } from 'node:stream';
import { LifeboatError } from '../kernel/errors.ts';
import { plainFrame, windows } from './agent-frames.ts';
import { type AgentSession, maxInput } from './agent-session.ts';

/** What a command prints. The agent may send `window` bytes, and more as far as they were read. */
export class Output extends Readable {
  readonly #window: number;
  readonly #giveCredit: (bytes: number) => void;
  readonly #waiting: Buffer[] = [];
  #credit: number;
  #taken = 0;
  #wanted = false;
  #ended = false;

  constructor(window: number, giveCredit: (bytes: number) => void) {
    // So that no second chunk is taken before the first was read.
    super({ highWaterMark: 1 });
    this.#window = window;
    this.#credit = window;
    this.#giveCredit = giveCredit;
    this.on('error', heardElsewhere);
  }

  /** @throws LifeboatError `unreachable` for more than there was leave to send */
  deliver(bytes: Buffer): void {
    this.#credit -= bytes.length;
    if (this.#credit < 0) {
      throw new LifeboatError('unreachable', 'the agent sends more than it may', { retryable: true });
    }
    this.#waiting.push(bytes);
    this.#hand();
  }

  finish(): void {
    this.#ended = true;
    this.#hand();
  }

  override _read(): void {
    this.#wanted = true;
    this.#hand();
  }

  #hand(): void {
    if (!this.#wanted) return;
    const next = this.#waiting.shift();
    if (next === undefined) {
      if (this.#ended) this.push(null);
      return;
    }
    this.#wanted = false;
    this.#taken += next.length;
    if (this.#taken >= this.#window / 4) {
      this.#credit += this.#taken;
      this.#giveCredit(this.#taken);
      this.#taken = 0;
    }
    this.push(next);
  }
}

/** What a command is given to read. Destroyed when it reads no more. */
export class Input extends Writable {
  readonly #session: AgentSession;
  readonly #id: number;
  #credit: number = windows.input;
  #wake = (): void => undefined;

  constructor(session: AgentSession, id: number) {
    super({ highWaterMark: windows.input });
    this.#session = session;
    this.#id = id;
    this.on('error', heardElsewhere);
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
    this.#wake();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#send(chunk).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#session.send(plainFrame('inputEnd', this.#id));
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wake();
    done(error);
  }

  async #send(chunk: Buffer): Promise<void> {
    let rest = chunk;
    while (rest.length > 0 && !this.destroyed) {
      if (this.#credit === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const part = rest.subarray(0, Math.min(this.#credit, maxInput));
      this.#credit -= part.length;
      await this.#session.sendInput(this.#id, part);
      rest = rest.subarray(part.length);
    }
  }
}

/** Errors of a stream reach whoever reads or writes it; it may be that nobody does yet. */
function heardElsewhere(): void {
  return;
}
