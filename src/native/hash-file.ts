/**
 * SHA-256 of whole files on threads of libuv's pool: reading and hashing of many small ones in one turn, of several turns at once, and
 * the main thread is free meanwhile.
 */
import type { SystemError } from '../kernel/errors.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { addonIfBuilt } from './addon.ts';
import { textArgument } from './arguments.ts';
import { systemErrorOf } from './outcome.ts';

export interface FileHash {
  /** In hexadecimal. */
  readonly sha256: string;
  /** Bytes that were read. */
  readonly bytes: number;
  /** As `getFileFlags` of file.ts; `undefined` where the filesystem knows none. */
  readonly flags: number | undefined;
}

/** Some files that are hashed together. */
export interface FileHashes {
  /**
   * One after the other.
   *
   * @param paths their last components are not followed if they are symlinks
   * @returns of each its hash, or the error as of `open` and `read`: `ESTALE` for what is no file, `ECANCELED` after {@link stop}
   */
  hash(paths: readonly string[]): Promise<(FileHash | SystemError)[]>;
  /** What is being read comes to an end with the piece that it is at. */
  stop(): void;
  /** Read so far, also of files that are being read. */
  bytes(): number;
}

/** Of a file: digest, flags, whether there are any, bytes or -errno. */
const toldLength = 48;

/**
 * @param fresh files are read from the device, though they were written or read before, as far as they are clean; afterwards they
 *   are not in memory
 * @returns `undefined` where the addon is not built, or this Node hides the functions of its OpenSSL
 */
export function fileHashes(fresh: boolean): FileHashes | undefined {
  const { hashFiles } = addonIfBuilt();
  if (hashFiles === undefined) return undefined;
  const control = new BigInt64Array(2);
  const shared = Buffer.from(control.buffer);
  return {
    async hash(paths) {
      if (paths.length === 0) return [];
      const names = Buffer.concat(paths.map((path) => textArgument('hashFiles', 'paths', path)));
      const told = new ArrayBuffer(toldLength * paths.length);
      const outcome = await hashFiles(names, fresh ? 1 : 0, shared, Buffer.from(told));
      if (typeof outcome === 'string') throw new LifeboatError('bug', `hashFiles failed: ${outcome}`);
      return paths.map((path, index) => resultAt(told, index * toldLength, path));
    },
    stop() {
      control[0] = 1n;
    },
    bytes: () => Number(control[1] ?? 0n),
  };
}

function resultAt(told: ArrayBuffer, at: number, path: string): FileHash | SystemError {
  const [bytes = 0n] = new BigInt64Array(told, at + 40, 1);
  if (bytes < 0n) return systemErrorOf(-Number(bytes), 'hashFiles', path);
  const [flags = 0, hasFlags = 0] = new Uint32Array(told, at + 32, 2);
  const sha256 = Buffer.from(told, at, 32).toString('hex');
  return { sha256, bytes: Number(bytes), flags: hasFlags === 0 ? undefined : flags };
}
