/**
 * A body on its way into a temporary file on the server. It can be read only once, so what the server might still lose is
 * kept, and written again in the next session.
 */
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { abortable } from '../abortable.ts';
import type { Body } from '../target.ts';
import { closeLater } from './download.ts';
import { type Attributes, openFlags } from './packet.ts';
import type { Handle, Session } from './session.ts';
import { hasStatus } from './wire.ts';

/** Under way at once: as much as the windows of ssh let through. */
const WINDOW_BYTES = 2 * 1024 * 1024;

/** The server is made to write to its disk so often, where it offers that; what is on its disk need not be kept. */
const SYNC_BYTES = 16 * 1024 * 1024;
const SYNC_MS = 10_000;

/** The most that is kept. Where the server does not offer to sync, this is how much it may lose without harm. */
const KEEP_BYTES = 32 * 1024 * 1024;

/** Ends an upload for good, whatever its cause says of retrying: another attempt of the whole `put` may do better. */
export class UploadFailure extends Error {
  constructor(cause: unknown) {
    super('the upload failed', { cause });
  }
}

export interface Uploaded {
  readonly size: number;
  readonly mtimeMs: number | undefined;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
}

export class Upload {
  readonly #name: () => Promise<string>;
  readonly #paths: string[] = [];
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  /** In order; all that may have to be written again. */
  #kept: Piece[] = [];
  #keptBytes = 0;
  /** What was taken from the body and does not yet fill a packet. */
  #partial: Uint8Array[] = [];
  #partialBytes = 0;
  #size = 0;
  #bodyEnded = false;
  /** Up to here the server has it for good, as far as it says. */
  #settled = 0;

  /** @param name gives the path of a new temporary file */
  constructor(name: () => Promise<string>, body: Body, signal: AbortSignal) {
    this.#name = name;
    this.#chunks = abortable(body, signal)[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /**
   * Brings the file on the server up to the end of the body, checks its size, and has it synced where the server can.
   *
   * @param progress told when the server has taken something
   * @returns the size, and the time that the file keeps under its new name
   * @throws UploadFailure what the body throws, or `target-failed` when the server lost what cannot be sent again;
   *   SftpStatus, LifeboatError for what happens to the session
   */
  async run(session: Session, progress: () => void): Promise<Uploaded> {
    const handle = await this.#open(session);
    try {
      await this.#send(session, handle, progress);
      if (session.offers('fsync')) await session.fsync(handle);
      const { mtimeMs } = await this.#checkSize(session, handle, (size) => size === this.#size);
      return { size: this.#size, mtimeMs };
    } finally {
      // A file that is open takes its space even after it was removed.
      closeLater(session, handle);
    }
  }

  async #send(session: Session, handle: Handle, progress: () => void): Promise<void> {
    const writes = new Writes(session, handle, this.#settled, progress);
    let next = 0;
    for (;;) {
      for (let piece = this.#kept[next]; piece !== undefined && writes.hasRoom; piece = this.#kept[next]) {
        writes.send(piece);
        next += 1;
      }
      next -= this.#forget(session, writes);
      if (next < this.#kept.length || this.#keptBytes > KEEP_BYTES) await writes.change();
      else if (!this.#bodyEnded) await this.#take(session.maxWrite);
      else if (writes.done < this.#size) await writes.change();
      else return;
    }
  }

  /** Lets the body clean up after itself when it was not read to its end. */
  async abandon(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** Temporary files that may be there; the last one is, or will be, whole. */
  get paths(): readonly string[] {
    return this.#paths;
  }

  async #open(session: Session): Promise<Handle> {
    const path = this.#paths.at(-1);
    if (this.#settled === 0 || path === undefined) {
      // A new name each time: what the session before still had to do must not touch the new file.
      const name = await this.#name();
      this.#paths.push(name);
      return await session.open(name, openFlags.write | openFlags.create | openFlags.exclusive);
    }
    try {
      const handle = await session.open(path, openFlags.write);
      await this.#checkSize(session, handle, (size) => size >= this.#settled).catch((error: unknown) => {
        closeLater(session, handle);
        throw error;
      });
      return handle;
    } catch (error) {
      throw hasStatus(error, 'noSuchFile') ? lostBytes(0, this.#settled) : error;
    }
  }

  async #checkSize(session: Session, handle: Handle, fits: (size: number) => boolean): Promise<Attributes> {
    const there = await session.fstat(handle);
    if (there.size !== undefined && fits(there.size)) return there;
    throw lostBytes(there.size, this.#bodyEnded ? this.#size : this.#settled);
  }

  /** Takes the next chunk of the body, cut into pieces of one packet each. */
  async #take(pieceBytes: number): Promise<void> {
    throwIfAborted(this.#signal);
    const step = await this.#chunks.next().catch((error: unknown) => {
      throw new UploadFailure(error);
    });
    let chunk = step.done === true ? new Uint8Array() : step.value;
    while (this.#partialBytes + chunk.length >= pieceBytes) {
      const missing = pieceBytes - this.#partialBytes;
      this.#keep([...this.#partial, chunk.subarray(0, missing)]);
      chunk = chunk.subarray(missing);
    }
    // A copy: the producer may fill the same buffer again.
    if (chunk.length > 0) this.#partial.push(Buffer.from(chunk));
    this.#partialBytes += chunk.length;
    this.#bodyEnded = step.done === true;
    if (this.#bodyEnded && this.#partialBytes > 0) this.#keep(this.#partial);
  }

  #keep(parts: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(parts);
    this.#kept.push({ offset: this.#size, bytes });
    this.#keptBytes += bytes.length;
    this.#size += bytes.length;
    this.#partial = [];
    this.#partialBytes = 0;
  }

  /** Forgets what the server has for good; gives how many pieces that were. */
  #forget(session: Session, writes: Writes): number {
    if (session.offers('fsync')) {
      writes.syncSometimes();
      this.#settled = Math.max(this.#settled, writes.synced);
    } else {
      this.#settled = Math.max(this.#settled, writes.done - KEEP_BYTES / 2);
    }
    const from = this.#kept.findIndex(({ offset, bytes }) => offset + bytes.length > this.#settled);
    const forgotten = this.#kept.splice(0, from === -1 ? this.#kept.length : from);
    for (const { bytes } of forgotten) this.#keptBytes -= bytes.length;
    return forgotten.length;
  }
}

/** The writes of one session: how many bytes are under way, and up to where everything was acknowledged. */
class Writes {
  readonly #session: Session;
  readonly #handle: Handle;
  readonly #progress: () => void;
  readonly #sent: { readonly end: number; acknowledged: boolean }[] = [];
  #underWay = 0;
  #done: number;
  #synced: number;
  #syncing = false;
  #syncedAt = performance.now();
  #failed: { readonly error: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(session: Session, handle: Handle, from: number, progress: () => void) {
    this.#session = session;
    this.#handle = handle;
    this.#progress = progress;
    this.#done = from;
    this.#synced = from;
  }

  get hasRoom(): boolean {
    return this.#underWay < WINDOW_BYTES;
  }

  /** Up to here, nothing is missing. */
  get done(): number {
    return this.#done;
  }

  get synced(): number {
    return this.#synced;
  }

  send({ offset, bytes }: Piece): void {
    const entry = { end: offset + bytes.length, acknowledged: false };
    this.#sent.push(entry);
    this.#underWay += bytes.length;
    this.#session.write(this.#handle, offset, bytes).then(
      () => {
        entry.acknowledged = true;
        this.#underWay -= bytes.length;
        for (let [head] = this.#sent; head?.acknowledged === true; [head] = this.#sent) {
          this.#done = head.end;
          this.#sent.shift();
        }
        this.#progress();
        this.#wake();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Begins a sync when there is enough for one. */
  syncSometimes(): void {
    const due = this.#done - this.#synced >= SYNC_BYTES || performance.now() - this.#syncedAt > SYNC_MS;
    if (this.#syncing || !due || this.#done === this.#synced) return;
    this.#syncing = true;
    // Only what was acknowledged before is sure to be part of it.
    const upTo = this.#done;
    this.#session.fsync(this.#handle).then(
      () => {
        this.#syncing = false;
        this.#synced = upTo;
        this.#syncedAt = performance.now();
        this.#progress();
        this.#wake();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Waits until something was acknowledged; throws what failed. */
  async change(): Promise<void> {
    if (this.#failed === undefined) await this.#changed.promise;
    if (this.#failed !== undefined) throw this.#failed.error;
  }

  #fail(error: unknown): void {
    this.#failed ??= { error };
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

function lostBytes(size: number | undefined, expected: number): UploadFailure {
  return new UploadFailure(
    new LifeboatError(
      'target-failed',
      `the server holds ${size ?? 'an unknown number of'} bytes of ${expected} that it had acknowledged`,
      { hint: 'It lost data: look at its log and its disk, then run the command again.', retryable: true },
    ),
  );
}
