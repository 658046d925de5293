/** Zstandard as a step of a pipe. Why not the `zstd` program: see `docs/decisions/0006-tar-engine.md`. */
import { availableParallelism } from 'node:os';
import type { Transform, TransformOptions } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress, type ZstdOptions } from 'node:zlib';
import { inBlocks } from '../kernel/blocks.ts';
import { compressedBound } from '../native/zstd.ts';
import { asDamage, codec } from './zstd-codec.ts';
import { damaged, FrameEnd, type FrameStart, frameStart, MAX_HEADER } from './zstd-frames.ts';

/** Large pieces: fewer trips to the thread that decompresses. */
const chunkSize = 256 * 1024;
/** What waits on either side, so that decompressing goes on beside reading and hashing. */
const highWaterMark = 1024 * 1024;

/** Of one frame before compression: what is in flight of them is all the memory that compressing takes. */
export const FRAME_SIZE = 4 * 1024 * 1024;

/** No more than threads of libuv's pool, of which one is left to write. */
const atOnce = Math.max(2, Math.min(availableParallelism(), 3));

/**
 * Frames of at most {@link FRAME_SIZE}, compressed side by side and given in order: `zstd -d` reads them as one, and a
 * reader can begin at any of them. A frame is to be used before the next one is asked for.
 *
 * @param level 1 (fast) to 19 (small)
 */
export function compressing(source: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Buffer> {
  const zstd = codec();
  return inBlocks(source, {
    length: FRAME_SIZE,
    room: compressedBound(FRAME_SIZE),
    atOnce,
    work: async (block, _, output) => (block.length === 0 ? block : zstd.compress(level, block, output)),
  });
}

/** Used again and again: V8 collects its whole heap for the memory of new ones. */
interface Slot {
  readonly input: Buffer;
  readonly output: Buffer;
}

function newSlot(input: number, output: number): Slot {
  return { input: Buffer.allocUnsafeSlow(input), output: Buffer.allocUnsafeSlow(output) };
}

/** What is read and decompressed as a whole; larger frames flow. */
const wholeFrame = 2 * FRAME_SIZE;

/**
 * What frames hold, one after the other, as they were or in other pieces. Small ones are decompressed side by side. A piece
 * stays until the second next is asked for.
 *
 * @throws LifeboatError (while iterating) `archive-damaged`
 */
export async function* decompressing(source: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  const input = new Input(source);
  const underWay: Small[] = [];
  try {
    yield* frames(input, underWay);
  } finally {
    await Promise.allSettled(underWay.map(({ content }) => content));
    await input.close();
  }
}

/** A frame that is decompressed as a whole. */
interface Small {
  readonly content: Promise<Buffer>;
  readonly compressed: Buffer;
  readonly slot: Slot;
}

async function* frames(input: Input, underWay: Small[]): AsyncIterable<Buffer> {
  const zstd = codec();
  const spare: Slot[] = [];
  /** Of the piece that was given last. */
  let given: Slot | undefined;
  const finish = async function* (): AsyncIterable<Buffer> {
    const first = underWay[0];
    if (first === undefined) return;
    const content = await first.content.catch((error: unknown) => error);
    underWay.shift();
    // One that holds nothing is not given, and what was given before has to stay.
    if (Buffer.isBuffer(content) && content.length === 0) {
      spare.push(first.slot);
      return;
    }
    if (Buffer.isBuffer(content)) yield content;
    else yield* whatIsRight([first.compressed], content);
    if (given !== undefined) spare.push(given);
    given = first.slot;
  };
  const begin = (pieces: readonly Buffer[], size: number, contentSize: number): void => {
    const free = spare.pop();
    const fits = free !== undefined && free.input.length >= size && free.output.length >= contentSize;
    const slot = fits ? free : newSlot(roomFor(size), roomFor(contentSize));
    const compressed = slot.input.subarray(0, size);
    let at = 0;
    for (const piece of pieces) at += piece.copy(compressed, at);
    const content = zstd.decompress(compressed, slot.output.subarray(0, contentSize));
    // Looked at in its turn.
    content.catch(() => undefined);
    underWay.push({ content, compressed, slot });
  };
  while (await input.has(1)) {
    await input.has(MAX_HEADER);
    const start = frameStart(input.peek(MAX_HEADER));
    const frame = frameBytes(input, start);
    const pieces: Buffer[] = [];
    let size = 0;
    try {
      while (size < wholeFrame) {
        const next = await frame.next();
        if (next.done === true) break;
        pieces.push(next.value);
        size += next.value.length;
      }
    } catch (error) {
      while (underWay.length > 0) yield* finish();
      yield* whatIsRight(pieces, error);
    }
    if (size < wholeFrame && (start.contentSize ?? Infinity) <= wholeFrame) {
      if (start.skipped === undefined) begin(pieces, size, start.contentSize ?? 0);
      if (underWay.length >= atOnce) yield* finish();
      continue;
    }
    while (underWay.length > 0) yield* finish();
    if (start.skipped === undefined) yield* flowing(pieces, frame);
    else for await (const _ of frame);
  }
  while (underWay.length > 0) yield* finish();
}

/** Frames are of about one size: their buffers grow seldom. */
function roomFor(size: number): number {
  return Math.min(wholeFrame, 2 ** Math.ceil(Math.log2(Math.max(size, 1024))));
}

/** The beginning of a frame that is damaged, so that it can be told what is lost. @throws what was found wrong */
async function* whatIsRight(pieces: readonly Buffer[], error: unknown): AsyncIterable<Buffer> {
  async function* nothing(): AsyncIterable<Buffer> {}
  yield* flowing(pieces, nothing());
  throw error;
}

/** A frame of any size. */
async function* flowing(begun: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  async function* all(): AsyncIterable<Buffer> {
    yield* begun;
    yield* rest;
  }
  try {
    const options: ZstdOptions & Omit<TransformOptions, 'flush'> = { chunkSize, highWaterMark };
    yield* through(all(), createZstdDecompress(options));
  } catch (error) {
    throw asDamage(error);
  }
}

/** The bytes of the frame that the input is at the beginning of. */
async function* frameBytes(input: Input, start: FrameStart): AsyncGenerator<Buffer, void> {
  const end = new FrameEnd(start);
  while (await input.has(1)) {
    const piece = input.piece();
    const { used, done } = end.take(piece);
    input.skip(used);
    if (used > 0) yield piece.subarray(0, used);
    if (done) return;
  }
  throw damaged('it ends within a frame');
}

/** What has been read of a source and not used yet. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Reads until there are so many bytes, if the source has them. */
  async has(size: number): Promise<boolean> {
    while (this.#size < size) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      const { buffer, byteOffset, length } = next.value;
      if (length > 0) this.#pieces.push(Buffer.from(buffer, byteOffset, length));
      this.#size += length;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  peek(size: number): Buffer {
    const [first] = this.#pieces;
    return (first && first.length >= size ? first : Buffer.concat(this.#pieces)).subarray(0, size);
  }

  /** As much as is there in one piece, at least a byte after `has(1)`. */
  piece(): Buffer {
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  /** Leaves out the beginning of {@link piece}. */
  skip(size: number): void {
    const [first] = this.#pieces;
    if (first === undefined) return;
    this.#size -= size;
    if (size === first.length) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(size);
  }
}

async function* through(source: AsyncIterable<Uint8Array>, transform: Transform): AsyncIterable<Buffer> {
  const fed = pipeline(source, transform);
  // Its failure also comes out of the loop below; nobody must be surprised by it before.
  fed.catch(() => undefined);
  try {
    yield* transform;
    await fed;
  } finally {
    transform.destroy();
  }
}
