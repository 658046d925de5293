/** Zstandard as a step of a pipe. Why not the `zstd` program: see `docs/decisions/0006-tar-engine.md`. */
import type { Transform, TransformOptions } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress, type ZstdOptions } from 'node:zlib';
import { LifeboatError } from '../kernel/errors.ts';

/** Large pieces: fewer trips to the thread that compresses. */
const chunkSize = 256 * 1024;
/** What waits on either side, so that compressing goes on beside reading and hashing. */
const highWaterMark = 1024 * 1024;

type StreamOptions = ZstdOptions & TransformOptions;

/** @param level 1 (fast) to 19 (small) */
export function compressing(source: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  const options: StreamOptions = { chunkSize, highWaterMark, params };
  return through(gathering(source), createZstdCompress(options));
}

/** @throws LifeboatError (while iterating) `archive-damaged` */
export async function* decompressing(source: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  const options: StreamOptions = { chunkSize, highWaterMark };
  try {
    yield* through(source, createZstdDecompress(options));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && /^(Z_|ZSTD_)/.test(String(error.code)))) throw error;
    const message = `the archive is damaged: its compressed data cannot be read (${error.message})`;
    throw new LifeboatError('archive-damaged', message, { cause: error });
  }
}

/** Fewer, larger chunks; what a pipe gives at once is at most 64 KiB. */
async function* gathering(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    size += chunk.length;
    if (size < chunkSize) continue;
    yield chunks.length === 1 ? chunk : Buffer.concat(chunks, size);
    chunks = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(chunks, size);
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
