/**
 * Zstandard frames between buffers that the caller owns and uses again. Node's own verbs make a new buffer for each piece
 * of output, and V8 collects the whole heap for the memory of these.
 */
import { LifeboatError } from '../kernel/errors.ts';
import { addon } from './addon.ts';
import { bytesArgument, integerArgument } from './arguments.ts';

/**
 * Both buffers are the verb's own until it has settled.
 *
 * @returns how many bytes were written, or what is wrong with the input, or that the output has no room
 */
export interface ZstdFrames {
  /** One frame, with its size and a checksum. */
  compress(level: number, input: Uint8Array, output: Uint8Array): Promise<number | string>;
  decompress(input: Uint8Array, output: Uint8Array): Promise<number | string>;
}

/** What any input may take, compressed: `ZSTD_COMPRESSBOUND`, and room for a header. */
export function compressedBound(size: number): number {
  return size + (size >> 8) + 512;
}

/** `undefined` where the addon is not built, or this Node hides the functions of its Zstandard. */
export function zstdFrames(): ZstdFrames | undefined {
  try {
    const verbs = addon();
    const verb = verbs.zstdFrame;
    if (verb === undefined) return undefined;
    return {
      compress: (level, input, output) =>
        verb(
          integerArgument('compress', 'level', level, 1, 22),
          bytesArgument('compress', 'input', input),
          bytesArgument('compress', 'output', output),
        ),
      decompress: (input, output) =>
        verb(0, bytesArgument('decompress', 'input', input), bytesArgument('decompress', 'output', output)),
    };
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'native-missing') return undefined;
    throw error;
  }
}
