/**
 * SHA-256 and the chunks of the age format on threads of libuv's pool, between buffers that the caller owns: many short ones
 * in one call, and the main thread is free meanwhile.
 */
import { LifeboatError } from '../kernel/errors.ts';
import { addonIfBuilt } from './addon.ts';
import { bytesArgument, integerArgument } from './arguments.ts';

export const DIGEST_LENGTH = 32;

/** Hashes what comes in parts; each part belongs to the content that the one before it did not end. */
export interface PartsHash {
  /**
   * All buffers are its own until it has settled, and there is one call at a time.
   *
   * @param parts three numbers each: where it begins in `input`, or -1 for zeros; how long it is; 1 if a content ends with it,
   *   else 0
   * @param digests takes one of {@link DIGEST_LENGTH} bytes for each end
   */
  hash(input: Uint8Array, parts: Float64Array, digests: Uint8Array): Promise<void>;
}

/** `undefined` where the addon is not built, or this Node hides the functions of its OpenSSL. */
export function partsHash(): PartsHash | undefined {
  const { newHash, hashParts } = addonIfBuilt();
  if (newHash === undefined || hashParts === undefined) return undefined;
  const hash = newHash();
  return {
    async hash(input, parts, digests) {
      const bytes = bytesArgument('hash', 'input', input);
      const list = Buffer.from(parts.buffer, parts.byteOffset, parts.byteLength);
      right('hash', await hashParts(hash, bytes, list, bytesArgument('hash', 'digests', digests)));
    },
  };
}

/**
 * Encrypts chunks of 64 KiB; the last one of the payload may be shorter, and is there also when it is empty. All buffers are
 * its own until it has settled.
 *
 * @param first number of the first of these chunks in the payload
 * @param last whether the last of these is the last of the payload
 * @param output has room for each chunk and 16 bytes more, and for 16 bytes more than that
 * @returns how many bytes were written
 */
export type SealChunks = (
  key: Uint8Array,
  first: number,
  last: boolean,
  input: Uint8Array,
  output: Uint8Array,
) => Promise<number>;

/** `undefined` as for {@link partsHash}. */
export function chunkSealer(): SealChunks | undefined {
  const { sealChunks } = addonIfBuilt();
  if (sealChunks === undefined) return undefined;
  return async (key, first, last, input, output) => {
    const secret = bytesArgument('seal', 'key', key);
    const number = integerArgument('seal', 'first', first, 0, Number.MAX_SAFE_INTEGER);
    const into = bytesArgument('seal', 'output', output);
    return right('seal', await sealChunks(secret, number, last ? 1 : 0, bytesArgument('seal', 'input', input), into));
  };
}

function right(verb: string, outcome: number | string): number {
  if (typeof outcome === 'string') throw new LifeboatError('bug', `${verb} failed: ${outcome}`);
  return outcome;
}
