/** Reads files and hashes them, several at once: each once, from the device where that can be. */
import { lettersOf, readFlags } from '../engine/restore/attributes.ts';
import { hashFile } from '../engine/walk.ts';
import { isSystemError } from '../kernel/errors.ts';
import { nameToBytes } from '../kernel/text.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { fileHashes } from '../native/hash-file.ts';

/** More than there are threads, so that none waits for us. */
const atOnce = 16;

export interface Content {
  readonly sha256: string;
  readonly bytes: number;
  /** As `readFlags`. */
  readonly flags: string;
}

export class Contents implements AsyncDisposable {
  readonly #hashes: ReturnType<typeof fileHashes>;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  readonly #stop: () => void;
  #failed: { readonly error: unknown } | undefined;
  #read = 0;

  /** @param fresh what is in memory does not count: files are read from the device */
  constructor(fresh: boolean, signal: AbortSignal) {
    this.#hashes = fileHashes(fresh);
    this.#signal = signal;
    this.#stop = () => this.#hashes?.stop();
    signal.addEventListener('abort', this.#stop);
  }

  /** Read so far. */
  get bytes(): number {
    return this.#hashes?.bytes() ?? this.#read;
  }

  /**
   * Begins to read one, when there is room for it.
   *
   * @param done told what is in it, or why it cannot be read
   */
  async read(path: string, done: (content: Content | { readonly unreadable: string }) => void): Promise<void> {
    while (this.#running.size >= atOnce) await Promise.race(this.#running);
    this.#check();
    const task = this.#one(path).then(done, (error: unknown) => {
      this.#failed ??= { error };
    });
    this.#running.add(task);
    void task.finally(() => this.#running.delete(task));
  }

  /** All that were begun. */
  async end(): Promise<void> {
    await Promise.all(this.#running);
    this.#check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    this.#signal.removeEventListener('abort', this.#stop);
    await Promise.allSettled(this.#running);
  }

  #check(): void {
    throwIfAborted(this.#signal);
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  async #one(path: string): Promise<Content | { readonly unreadable: string }> {
    try {
      if (this.#hashes === undefined) {
        const sha256 = await hashFile(nameToBytes(path), this.#signal);
        return { sha256, bytes: 0, flags: readFlags(path) };
      }
      const { sha256, bytes, flags = 0 } = await this.#hashes.hash(path);
      this.#read += bytes;
      return { sha256, bytes, flags: lettersOf(flags) };
    } catch (error) {
      throwIfAborted(this.#signal);
      if (!isSystemError(error)) throw error;
      return { unreadable: error.message };
    }
  }
}
