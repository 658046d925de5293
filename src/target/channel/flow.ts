/** Bytes of one call on their way, never more of them than the receiver has room for. */
import { raceAbort } from '../../kernel/wait.ts';
import { creditFrame, frame, MAX_PAYLOAD, nonsense, WINDOW } from './frames.ts';
import type { Link } from './link.ts';
import { Queue } from './queue.ts';

/** Up to here, what waits is put together. */
const crumbs = 4096;

/** The sender's side. */
export class Outbox {
  readonly #link: Link;
  readonly #id: number;
  #credit = WINDOW;
  #wake: (() => void) | undefined;

  constructor(link: Link, id: number) {
    this.#link = link;
    this.#id = id;
  }

  /** @throws LifeboatError `unreachable` for room that the receiver never has */
  grant(bytes: number): void {
    if (bytes === 0 || this.#credit + bytes > WINDOW) throw nonsense();
    this.#credit += bytes;
    this.#wake?.();
  }

  /** Sends a copy, as soon as there is room for it. */
  async send(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < bytes.length; at += MAX_PAYLOAD) {
      const part = bytes.subarray(at, at + MAX_PAYLOAD);
      while (this.#credit < part.length) {
        const more = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await raceAbort(more, signal);
      }
      this.#credit -= part.length;
      this.#link.outgoing.push(frame('data', this.#id, part));
    }
  }
}

/** The receiver's side. */
export class Inbox implements AsyncIterable<Buffer> {
  readonly #link: Link;
  readonly #id: number;
  readonly #queue = new Queue<Buffer>();
  #room = WINDOW;
  #taken = 0;

  constructor(link: Link, id: number) {
    this.#link = link;
    this.#id = id;
  }

  /** @throws LifeboatError `unreachable` for more than was asked for */
  push(bytes: Buffer): void {
    this.#room -= bytes.length;
    if (this.#room < 0 || bytes.length === 0) throw nonsense();
    // A crumb takes far more memory than its bytes: many of them are kept together.
    const merged = (last: Buffer) => (last.length + bytes.length > crumbs ? undefined : Buffer.concat([last, bytes]));
    // What is pushed may be a small part of a large chunk, which would stay as long.
    if (!this.#queue.replaceLast(merged)) this.#queue.push(Buffer.from(bytes));
  }

  end(): void {
    this.#queue.end();
  }

  fail(error: Error): void {
    this.#queue.fail(error);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for await (const bytes of this.#queue) {
      yield bytes;
      this.#taken += bytes.length;
      if (this.#taken >= WINDOW / 4) this.#giveCredit();
    }
  }

  #giveCredit(): void {
    this.#link.outgoing.push(creditFrame(this.#id, this.#taken));
    this.#room += this.#taken;
    this.#taken = 0;
  }
}
