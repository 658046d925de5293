/** Zstandard as a step of a pipe. Why not the `zstd` program: see `docs/decisions/0006-tar-engine.md`. */
import { availableParallelism } from 'node:os';
import type { Transform, TransformOptions } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  type ZstdCompress,
  zstdDecompress,
  type ZstdOptions,
} from 'node:zlib';
import { damaged, FrameEnd, type FrameStart, frameStart, MAX_HEADER } from './zstd-frames.ts';

/** Large pieces: fewer trips to the thread that decompresses. */
const chunkSize = 256 * 1024;
/** What waits on either side, so that decompressing goes on beside reading and hashing. */
const highWaterMark = 1024 * 1024;

type StreamOptions = ZstdOptions & Omit<TransformOptions, 'flush'>;

/** Each write is a frame. */
const everyWriteEnds: ZstdOptions = { flush: constants.ZSTD_e_end };

/** Of one frame before compression: what is in flight of them is all the memory that compressing takes. */
export const FRAME_SIZE = 4 * 1024 * 1024;

/** No more than threads of libuv's pool, of which one is left to write. */
const atOnce = Math.max(2, Math.min(availableParallelism(), 3));

const decompress = promisify(zstdDecompress);

/**
 * Frames of at most {@link FRAME_SIZE}, compressed side by side and given in order: `zstd -d` reads them as one, and a
 * reader can begin at any of them.
 *
 * @param level 1 (fast) to 19 (small)
 * @param onFrame told of each frame before it is given, by the size of what is in it and its own
 */
export async function* compressing(
  source: AsyncIterable<Uint8Array>,
  level: number,
  onFrame: (contentSize: number, size: number) => void,
): AsyncIterable<Buffer> {
  const lanes = Array.from({ length: atOnce }, () => new Lane(level));
  const spare: Buffer[] = [];
  const underWay: Promise<Frame>[] = [];
  let begun = 0;
  const begin = (block: Buffer, size: number): void => {
    const lane = lanes[begun++ % lanes.length];
    if (lane === undefined) return;
    const frame = lane.compress(block.subarray(0, size)).then((pieces) => ({ pieces, block, size }));
    // Looked at in its turn; nobody must be surprised by it before.
    frame.catch(() => undefined);
    underWay.push(frame);
  };
  async function* finish(): AsyncIterable<Buffer> {
    const first = await underWay.shift();
    if (first === undefined) return;
    spare.push(first.block);
    onFrame(
      first.size,
      first.pieces.reduce((sum, piece) => sum + piece.length, 0),
    );
    yield* first.pieces;
  }

  let block: Buffer | undefined;
  let size = 0;
  try {
    for await (const chunk of source) {
      for (let rest = chunk; rest.length > 0; ) {
        block ??= spare.pop() ?? Buffer.allocUnsafeSlow(FRAME_SIZE);
        const part = rest.subarray(0, FRAME_SIZE - size);
        block.set(part, size);
        size += part.length;
        rest = rest.subarray(part.length);
        if (size < FRAME_SIZE) continue;
        begin(block, size);
        block = undefined;
        size = 0;
        if (underWay.length >= atOnce) yield* finish();
      }
    }
    if (block !== undefined) begin(block, size);
    while (underWay.length > 0) yield* finish();
  } finally {
    await Promise.allSettled(underWay);
    for (const lane of lanes) lane.close();
  }
}

interface Frame {
  readonly pieces: readonly Buffer[];
  readonly block: Buffer;
  readonly size: number;
}

/**
 * Makes one frame after the other. Contexts and buffers of each call of `zstdCompress` would be new, and the garbage
 * collector busy with them for a quarter of the time.
 */
class Lane {
  readonly #zstd: ZstdCompress;
  #pieces: Buffer[] = [];

  constructor(level: number) {
    const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
    const options: StreamOptions = {
      ...everyWriteEnds,
      params,
      chunkSize: FRAME_SIZE,
      highWaterMark: 2 * FRAME_SIZE,
    };
    this.#zstd = createZstdCompress(options);
    this.#zstd.on('data', (piece: Buffer) => this.#pieces.push(piece));
  }

  async compress(block: Buffer): Promise<Buffer[]> {
    await new Promise<void>((resolve, reject) => {
      this.#zstd.write(block, (error) => (error ? reject(error) : resolve()));
    });
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  close(): void {
    this.#zstd.destroy();
  }
}

/** What is read and decompressed as a whole; larger frames flow. */
const wholeFrame = 2 * FRAME_SIZE;

/**
 * What frames hold, one after the other, as they were or in other pieces. Small ones are decompressed side by side.
 *
 * @throws LifeboatError (while iterating) `archive-damaged`
 */
export async function* decompressing(source: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  const input = new Input(source);
  try {
    yield* frames(input);
  } finally {
    await input.close();
  }
}

async function* frames(input: Input): AsyncIterable<Buffer> {
  const underWay: { readonly whole: Promise<Buffer>; readonly pieces: readonly Buffer[] }[] = [];
  const finish = async function* (): AsyncIterable<Buffer> {
    const first = underWay.shift();
    if (first === undefined) return;
    const content = await first.whole.catch((error: unknown) => error);
    if (Buffer.isBuffer(content)) yield content;
    else yield* whatIsRight(first.pieces, content);
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
      if (start.skipped === undefined) {
        underWay.push({ whole: decompressed(pieces, size, start.contentSize ?? 0), pieces });
      }
      if (underWay.length >= atOnce) yield* finish();
      continue;
    }
    while (underWay.length > 0) yield* finish();
    if (start.skipped === undefined) yield* flowing(pieces, frame);
    else for await (const _ of frame);
  }
  while (underWay.length > 0) yield* finish();
}

/** The beginning of a frame that is damaged, so that it can be told what is lost. @throws what was found wrong */
async function* whatIsRight(pieces: readonly Buffer[], error: unknown): AsyncIterable<Buffer> {
  async function* nothing(): AsyncIterable<Buffer> {}
  yield* flowing(pieces, nothing());
  throw error;
}

function decompressed(pieces: readonly Buffer[], size: number, contentSize: number): Promise<Buffer> {
  const bytes = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, size);
  const options = { chunkSize: Math.max(64, contentSize), maxOutputLength: Math.max(1, contentSize) };
  const whole = decompress(bytes, options).then(
    (content) => {
      if (content.length !== contentSize) throw damaged('a frame holds less than it says');
      return content;
    },
    (error: unknown) => {
      throw asDamage(error);
    },
  );
  // Looked at in its turn.
  whole.catch(() => undefined);
  return whole;
}

/** A frame of any size. */
async function* flowing(begun: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  async function* all(): AsyncIterable<Buffer> {
    yield* begun;
    yield* rest;
  }
  try {
    const options: StreamOptions = { chunkSize, highWaterMark };
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

function asDamage(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^(Z_|ZSTD_|ERR_BUFFER_TOO_LARGE)/.test(code)) return error;
  return damaged(error instanceof Error ? error.message : code, error);
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
