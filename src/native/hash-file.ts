/** SHA-256 of whole files on threads of libuv's pool: reading and hashing of several at once, and no turn of the main thread for any. */
import { LifeboatError } from '../kernel/errors.ts';
import { addonIfBuilt } from './addon.ts';
import { textArgument } from './arguments.ts';
import { checked } from './outcome.ts';

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
   * @param path its last component is not followed if it is a symlink
   * @throws SystemError as `open` and `read`; `ESTALE` for what is no file, `ECANCELED` after {@link stop}
   */
  hash(path: string): Promise<FileHash>;
  /** What is being read comes to an end with the piece that it is at. */
  stop(): void;
  /** Read so far, also of files that are being read. */
  bytes(): number;
}

const toldLength = 40;

/**
 * @param fresh files are read from the device, though they were written or read before, as far as they are clean; afterwards they
 *   are not in memory
 * @returns `undefined` where the addon is not built, or this Node hides the functions of its OpenSSL
 */
export function fileHashes(fresh: boolean): FileHashes | undefined {
  const { hashFile } = addonIfBuilt();
  if (hashFile === undefined) return undefined;
  const control = new BigInt64Array(2);
  const shared = Buffer.from(control.buffer);
  return {
    async hash(path) {
      const told = Buffer.from(new ArrayBuffer(toldLength));
      const outcome = await hashFile(textArgument('hashFile', 'path', path), fresh ? 1 : 0, shared, told);
      if (typeof outcome === 'string') throw new LifeboatError('bug', `hashFile failed: ${outcome}`);
      const bytes = checked(outcome, 'hashFile', path);
      const [flags = 0, hasFlags = 0] = new Uint32Array(told.buffer, 32, 2);
      return { sha256: told.toString('hex', 0, 32), bytes, flags: hasFlags === 0 ? undefined : flags };
    },
    stop() {
      control[0] = 1n;
    },
    bytes: () => Number(control[1] ?? 0n),
  };
}
