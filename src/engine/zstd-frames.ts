/**
 * Where Zstandard frames end (RFC 8878, 3.1), without decompressing them: Node's decompressor takes one frame and then
 * stops.
 */
import { LifeboatError } from '../kernel/errors.ts';

export interface FrameStart {
  readonly headerSize: number;
  readonly hasChecksum: boolean;
  /** Bytes that it decompresses to, where it says so. */
  readonly contentSize: number | undefined;
  /** Bytes after the header; only a frame to be skipped knows that at its beginning. */
  readonly skipped: number | undefined;
}

/** More than any frame's header. */
export const MAX_HEADER = 18;

/**
 * @param bytes from the first byte of a frame on, {@link MAX_HEADER} of them unless the input is shorter
 * @throws LifeboatError `archive-damaged`
 */
export function frameStart(bytes: Buffer): FrameStart {
  if (bytes.length < 8) throw damaged('it ends within the header of a frame');
  const magic = bytes.readUInt32LE(0);
  if (magic >= 0x184d2a50 && magic <= 0x184d2a5f) {
    return { headerSize: 8, hasChecksum: false, contentSize: 0, skipped: bytes.readUInt32LE(4) };
  }
  if (magic !== 0xfd2fb528) throw damaged('something in it is no frame');
  const descriptor = bytes[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const at = 5 + (single ? 0 : 1) + dictionary;
  if (bytes.length < at + sizeBytes) throw damaged('it ends within the header of a frame');
  const contentSize =
    sizeBytes === 0
      ? undefined
      : sizeBytes === 8
        ? Number(bytes.readBigUInt64LE(at))
        : bytes.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  return { headerSize: at + sizeBytes, hasChecksum: (descriptor & 4) !== 0, contentSize, skipped: undefined };
}

/** Takes the bytes of one frame piece by piece and tells where it ends. */
export class FrameEnd {
  /** Bytes to come before the next header of a block, or the end. */
  #left: number;
  #header: number[] = [];
  #last: boolean;
  readonly #checksum: number;

  constructor({ headerSize, hasChecksum, skipped }: FrameStart) {
    this.#left = headerSize + (skipped ?? 0);
    this.#last = skipped !== undefined;
    this.#checksum = hasChecksum ? 4 : 0;
  }

  /**
   * @returns how many of these bytes belong to the frame; fewer than all, or `done`, when it ends with them
   * @throws LifeboatError `archive-damaged`
   */
  take(bytes: Buffer): { readonly used: number; readonly done: boolean } {
    let at = 0;
    for (;;) {
      const step = Math.min(this.#left, bytes.length - at);
      this.#left -= step;
      at += step;
      if (this.#left > 0) return { used: at, done: false };
      if (this.#last) return { used: at, done: true };
      while (this.#header.length < 3) {
        if (at === bytes.length) return { used: at, done: false };
        this.#header.push(bytes[at++] ?? 0);
      }
      const [low = 0, middle = 0, high = 0] = this.#header;
      this.#header = [];
      const type = (low >> 1) & 3;
      const size = (low >> 3) | (middle << 5) | (high << 13);
      if (type === 3) throw damaged('a block of it is of no type');
      this.#last = (low & 1) === 1;
      this.#left = (type === 1 ? 1 : size) + (this.#last ? this.#checksum : 0);
    }
  }
}

export function damaged(what: string, cause?: unknown): LifeboatError {
  return new LifeboatError('archive-damaged', `the archive is damaged: its compressed data cannot be read (${what})`, {
    cause,
  });
}
