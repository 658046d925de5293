/** Zstandard as a step of a pipe. Why not the `zstd` program: see `docs/decisions/0006-tar-engine.md`. */
import type { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { LifeboatError } from '../kernel/errors.ts';

/** Large pieces: fewer trips to the thread that compresses. */
const chunkSize = 256 * 1024;

/** @param level 1 (fast) to 19 (small) */
export function compressing(source: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Buffer> {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  return through(gathering(source), createZstdCompress({ chunkSize, params }));
}

/** @throws LifeboatError (while iterating) `archive-damaged` */
export async function* decompressing(source: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  try {
    yield* through(source, createZstdDecompress({ chunkSize }));
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
