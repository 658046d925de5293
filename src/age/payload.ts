/** The payload of an age file: chunks of 64 KiB, each encrypted under its number, the last one marked as the last. */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { chunkSealer } from '../native/crypto.ts';
import { damaged } from './header.ts';
import { hkdf } from './hkdf.ts';

export const CHUNK_LENGTH = 64 * 1024;
export const TAG_LENGTH = 16;
export const NONCE_LENGTH = 16;

export function newNonce(): Buffer {
  return randomBytes(NONCE_LENGTH);
}

/** Encrypts the chunks of one payload, in order. */
export class Sealer {
  readonly #key: KeyObject;
  readonly #nonce = new ChunkNonce();
  readonly #native = chunkSealer();

  constructor(fileKey: Uint8Array, nonce: Uint8Array) {
    this.#key = payloadKey(fileKey, nonce);
  }

  /** Writes chunk and tag into `into` and gives the number of bytes. */
  seal(chunk: Uint8Array, last: boolean, into: Buffer, offset: number): number {
    const cipher = createCipheriv('chacha20-poly1305', this.#key, this.#nonce.next(last), {
      authTagLength: TAG_LENGTH,
    });
    into.set(cipher.update(chunk), offset);
    cipher.final();
    into.set(cipher.getAuthTag(), offset + chunk.length);
    return chunk.length + TAG_LENGTH;
  }

  /**
   * Encrypts whole chunks, the last of which may be shorter, on another thread where that can be; further calls need not wait.
   *
   * @param output has room for them, and for a tag more
   * @returns the part of `output` that was written
   */
  async sealChunks(chunks: Buffer, last: boolean, output: Buffer): Promise<Buffer> {
    if (this.#native === undefined) {
      let size = 0;
      for (let at = 0; at === 0 || at < chunks.length; at += CHUNK_LENGTH) {
        const chunk = chunks.subarray(at, at + CHUNK_LENGTH);
        size += this.seal(chunk, last && at + CHUNK_LENGTH >= chunks.length, output, size);
      }
      return output.subarray(0, size);
    }
    const first = this.#nonce.skip(Math.max(1, Math.ceil(chunks.length / CHUNK_LENGTH)));
    return output.subarray(0, await this.#native(this.#key.export(), first, last, chunks, output));
  }
}

/** Decrypts the chunks of one payload, in order. */
export class Opener {
  readonly #key: KeyObject;
  readonly #nonce = new ChunkNonce();

  /** @throws LifeboatError `archive-damaged` for a nonce that is cut off */
  constructor(fileKey: Uint8Array, nonce: Uint8Array) {
    if (nonce.length !== NONCE_LENGTH) throw damaged('it ends after its header');
    this.#key = payloadKey(fileKey, nonce);
  }

  /**
   * Writes what the chunk holds into `into` and gives the number of bytes; nothing is there when it throws.
   *
   * @throws LifeboatError `archive-damaged`
   */
  open(chunk: Uint8Array, last: boolean, into: Buffer, offset: number): number {
    const length = chunk.length - TAG_LENGTH;
    if (length < 0) throw damaged('it ends too early');
    // Only a payload that holds nothing has an empty chunk.
    if (length === 0 && !this.#nonce.isFirst) throw damaged('its last chunk is empty');
    const nonce = this.#nonce.next(last);
    const decipher = createDecipheriv('chacha20-poly1305', this.#key, nonce, { authTagLength: TAG_LENGTH });
    decipher.setAuthTag(chunk.subarray(length));
    const plain = decipher.update(chunk.subarray(0, length));
    try {
      decipher.final();
    } catch (cause) {
      throw damaged(last ? 'it is cut off, or its last chunk was changed' : 'a chunk was changed', cause);
    }
    into.set(plain, offset);
    return length;
  }
}

function payloadKey(fileKey: Uint8Array, nonce: Uint8Array): KeyObject {
  return hkdf(fileKey, nonce, 'payload');
}

/** 11 bytes of a counter, and one that tells the last chunk. */
class ChunkNonce {
  readonly #bytes = Buffer.alloc(12);
  #count = 0;

  get isFirst(): boolean {
    return this.#count === 0;
  }

  /** Leaves out so many and gives the number of the first. */
  skip(chunks: number): number {
    const first = this.#count;
    this.#count += chunks;
    return first;
  }

  next(last: boolean): Buffer {
    this.#bytes.writeUIntBE(this.#count, 5, 6);
    this.#bytes[11] = last ? 1 : 0;
    this.#count += 1;
    return this.#bytes;
  }
}
