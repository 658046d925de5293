/** Handling of the three streams of a process: a bounded tail, whole lines, feeding with back-pressure. */
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** Keeps the last `limit` bytes of what is pushed. */
export class Tail {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // Joined only now and then, so that many small writes do not cost a copy of the tail each.
    if (this.#size > 2 * this.#limit || this.#chunks.length > 1024) this.#join();
  }

  text(): string {
    return this.#join().toString('utf8');
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#chunks).subarray(-this.#limit);
    // A copy, because a view would keep the whole buffer.
    const kept = Buffer.from(all);
    this.#chunks = [kept];
    this.#size = kept.length;
    return kept;
  }
}

/** Cuts text into lines for `onLine`; a line longer than `limit` characters comes in pieces. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  readonly #limit: number;
  #rest = '';

  constructor(onLine: (line: string) => void, limit: number) {
    this.#onLine = onLine;
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(line);
    if (this.#rest.length > this.#limit) this.#flush();
  }

  end(): void {
    this.#rest += this.#decoder.end();
    if (this.#rest !== '') this.#flush();
  }

  #flush(): void {
    const line = this.#rest;
    this.#rest = '';
    this.#onLine(line);
  }
}

/**
 * Writes `source` to the stdin of a process and closes it. A process that stops reading ends this quietly: its exit
 * code tells whether that was a failure. Rejects only with what `source` throws, and then leaves stdin open, so that the
 * process cannot take the end of a broken input for its true end. A chunk was written when the next is asked for, and so
 * its owner may use it again.
 */
export async function feed(stdin: Writable, source: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  stdin.on('error', closedByReader);
  if (source instanceof Uint8Array) {
    stdin.end(source);
    return;
  }
  let closed = (): void => undefined;
  stdin.once('close', () => closed());
  for await (const chunk of source) {
    if (!stdin.writable) return;
    await new Promise<void>((resolve) => {
      closed = resolve;
      stdin.write(chunk, () => resolve());
    });
  }
  stdin.end();
}

/** EPIPE and its like: the process has read as much as it wanted. */
function closedByReader(): void {
  return;
}

/** Settles when `stream` has ended, failed or been destroyed. */
export function over(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) return resolve();
    for (const event of ['end', 'error', 'close']) stream.once(event, () => resolve());
  });
}
