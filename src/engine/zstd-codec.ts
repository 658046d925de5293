/** One Zstandard frame at a time, from buffer to buffer: by the addon, or without it by what Node offers. */
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { LifeboatError } from '../kernel/errors.ts';
import { type ZstdFrames, zstdFrames } from '../native/zstd.ts';
import { damaged } from './zstd-frames.ts';

/** The result of either is a part of `output`, or new; both buffers are in use until it is there. */
export interface Codec {
  /** @param output of {@link compressedBound} at least */
  compress(level: number, input: Buffer, output: Buffer): Promise<Buffer>;
  /**
   * @param output as long as what the frame holds
   * @throws LifeboatError `archive-damaged`, also when it holds more or less
   */
  decompress(input: Buffer, output: Buffer): Promise<Buffer>;
}

export function codec(): Codec {
  const frames = zstdFrames();
  return frames === undefined ? nodeCodec : addonCodec(frames);
}

export function addonCodec(frames: ZstdFrames): Codec {
  return {
    async compress(level, input, output) {
      const size = await frames.compress(level, input, output);
      if (typeof size === 'string') throw new LifeboatError('bug', `compressing failed: ${size}`);
      return output.subarray(0, size);
    },
    async decompress(input, output) {
      const size = await frames.decompress(input, output);
      if (typeof size === 'string') throw damaged(size);
      return whole(output.subarray(0, size), output.length);
    },
  };
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export const nodeCodec: Codec = {
  compress: (level, input) =>
    compress(input, { params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 } }),
  async decompress(input, { length }) {
    const options = { chunkSize: Math.max(64, length), maxOutputLength: Math.max(1, length) };
    const content = await decompress(input, options).catch((error: unknown) => {
      throw asDamage(error);
    });
    return whole(content, length);
  },
};

function whole(content: Buffer, length: number): Buffer {
  if (content.length !== length) throw damaged('a frame holds less than it says');
  return content;
}

/** What Node throws of data that cannot be decompressed; anything else as it is. */
export function asDamage(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^(Z_|ZSTD_|ERR_BUFFER_TOO_LARGE)/.test(code)) return error;
  return damaged(error instanceof Error ? error.message : code, error);
}
