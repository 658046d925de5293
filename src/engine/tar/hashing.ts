/** SHA-256 of many contents one after the other, on another thread where that can be. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted } from '../../kernel/wait.ts';
import { DIGEST_LENGTH, type PartsHash, partsHash } from '../../native/crypto.ts';

/** More bytes than this are hashed in several turns: a hole may be of any length. */
const atOnce = 64 * 1024 * 1024;

export class Hashing {
  readonly #hash: PartsHash = partsHash() ?? nodePartsHash();
  /** As {@link PartsHash.hash} takes them. */
  #parts: number[] = [];
  #ends = 0;
  #before: Promise<unknown> = Promise.resolve();
  readonly #signal: AbortSignal | undefined;

  /** @param signal asked between turns: what is told in a moment may take hours */
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** So many bytes of the input of the next {@link run} belong to the content. */
  bytes(start: number, length: number): void {
    this.#parts.push(start, length, 0);
  }

  zeros(length: number): void {
    this.#parts.push(-1, length, 0);
  }

  /** The content is complete; what follows is another one. */
  end(): void {
    this.#ends++;
    if (this.#parts.at(-1) === 0) this.#parts[this.#parts.length - 1] = 1;
    else this.#parts.push(0, 0, 1);
  }

  /**
   * Hashes what was told since the last call. Calls need not wait for each other; `input` is in use until they have settled.
   *
   * @returns in hexadecimal, of each content that ended
   */
  async run(input: Buffer): Promise<string[]> {
    const parts = Float64Array.from(this.#parts);
    const digests = Buffer.allocUnsafe(this.#ends * DIGEST_LENGTH);
    this.#parts = [];
    this.#ends = 0;
    const hashed = this.#before.then(() => this.#run(input, parts, digests));
    this.#before = hashed;
    await hashed;
    return Array.from({ length: digests.length / DIGEST_LENGTH }, (_, index) =>
      digests.toString('hex', index * DIGEST_LENGTH, (index + 1) * DIGEST_LENGTH),
    );
  }

  async #run(input: Buffer, parts: Float64Array, digests: Buffer): Promise<void> {
    let ends = 0;
    for (let at = 0; at < parts.length; ) {
      if (this.#signal !== undefined) throwIfAborted(this.#signal);
      const begun = at;
      const room = digests.subarray(ends * DIGEST_LENGTH);
      for (let size = parts[at + 1] ?? 0; size <= atOnce && at < parts.length; size += parts[at + 1] ?? 0) {
        ends += parts[at + 2] ?? 0;
        at += 3;
      }
      if (at > begun) await this.#hash.hash(input, parts.subarray(begun, at), room);
      else {
        const start = parts[at] ?? 0;
        await this.#hash.hash(input, Float64Array.of(start, atOnce, 0), room);
        if (start >= 0) parts[at] = start + atOnce;
        parts[at + 1] = (parts[at + 1] ?? 0) - atOnce;
      }
    }
  }
}

const zeros = Buffer.alloc(1024 * 1024);

/** For a Node that hides its OpenSSL. */
function nodePartsHash(): PartsHash {
  let sha = createHash('sha256');
  return {
    async hash(input, parts, digests) {
      // Others have their turn.
      await setImmediate();
      for (let at = 0, end = 0; at < parts.length; at += 3) {
        const [start = 0, length = 0, last = 0] = parts.subarray(at, at + 3);
        if (start >= 0) sha.update(input.subarray(start, start + length));
        else for (let left = length; left > 0; left -= zeros.length) sha.update(zeros.subarray(0, left));
        if (last === 0) continue;
        digests.set(sha.digest(), DIGEST_LENGTH * end++);
        sha = createHash('sha256');
      }
    },
  };
}
