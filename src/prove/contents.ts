/** Reads files and hashes them, several at once: each once, from the device where that can be. */
import { lettersOf, readFlags } from '../engine/restore/attributes.ts';
import { hashFile } from '../engine/walk.ts';
import { isSystemError } from '../kernel/errors.ts';
import { nameToBytes } from '../kernel/text.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { fileHashes } from '../native/hash-file.ts';

/** Groups of files: more than there are threads, so that none waits for us. */
const groupsAtOnce = 6;
/** Of a group: what is handed over at once takes a while, and many small ones are little more work than one. */
const mostFiles = 64;
const mostBytes = 4 * 1024 * 1024;

export interface Content {
  readonly sha256: string;
  /** As `readFlags`. */
  readonly flags: string;
}

type Result = Content | { readonly unreadable: string };

interface Wanted {
  readonly path: string;
  readonly size: number;
  readonly done: (result: Result) => void;
}

export class Contents implements AsyncDisposable {
  readonly #hashes: ReturnType<typeof fileHashes>;
  readonly #signal: AbortSignal;
  readonly #running = new Set<Promise<void>>();
  readonly #stop: () => void;
  #group: Wanted[] = [];
  #groupBytes = 0;
  /** Without the addon: of files that were read. */
  #plainBytes = 0;
  #failed: { readonly error: unknown } | undefined;

  /** @param fresh what is in memory does not count: files are read from the device */
  constructor(fresh: boolean, signal: AbortSignal) {
    this.#hashes = fileHashes(fresh);
    this.#signal = signal;
    this.#stop = () => this.#hashes?.stop();
    signal.addEventListener('abort', this.#stop);
  }

  /** Read so far. */
  get bytes(): number {
    return this.#hashes?.bytes() ?? this.#plainBytes;
  }

  /**
   * Begins to read one, when there is room for it, perhaps together with the next.
   *
   * @param done told what is in it, or why it cannot be read
   */
  async read(path: string, size: number, done: (result: Result) => void): Promise<void> {
    this.#group.push({ path, size, done });
    this.#groupBytes += size;
    if (this.#group.length >= mostFiles || this.#groupBytes >= mostBytes) await this.#begin();
  }

  /** All that were begun. */
  async end(): Promise<void> {
    await this.#begin();
    await Promise.all(this.#running);
    this.#check();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    this.#signal.removeEventListener('abort', this.#stop);
    await Promise.allSettled(this.#running);
  }

  async #begin(): Promise<void> {
    const group = this.#group;
    this.#group = [];
    this.#groupBytes = 0;
    while (this.#running.size >= groupsAtOnce) await Promise.race(this.#running);
    this.#check();
    const task = this.#hashed(group).catch((error: unknown) => {
      this.#failed ??= { error };
    });
    this.#running.add(task);
    void task.finally(() => this.#running.delete(task));
  }

  #check(): void {
    throwIfAborted(this.#signal);
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  async #hashed(group: readonly Wanted[]): Promise<void> {
    if (this.#hashes === undefined) {
      for (const { path, size, done } of group) {
        done(await this.#plain(path));
        this.#plainBytes += size;
      }
      return;
    }
    const found = await this.#hashes.hash(group.map(({ path }) => path));
    throwIfAborted(this.#signal);
    for (const [index, { done }] of group.entries()) {
      const one = found[index];
      if (one === undefined || one instanceof Error) done({ unreadable: one?.message ?? 'it was not read' });
      else done({ sha256: one.sha256, flags: lettersOf(one.flags ?? 0) });
    }
  }

  /** On this thread, without the addon. */
  async #plain(path: string): Promise<Result> {
    try {
      return { sha256: await hashFile(nameToBytes(path), this.#signal), flags: readFlags(path) };
    } catch (error) {
      throwIfAborted(this.#signal);
      if (!isSystemError(error)) throw error;
      return { unreadable: error.message };
    }
  }
}
