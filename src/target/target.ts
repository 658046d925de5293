/**
 * Storage under a repository: whole objects by key, and nothing else.
 *
 * What every implementation owes (`test/conformance/target.ts` checks it):
 * - a key is a relative path of segments out of `A-Z a-z 0-9 . _ -`, none of them starting with a dot ({@link checkKey});
 *   no key is the folder of another (`a` beside `a/b`): a target may refuse the second with `usage`;
 * - an object is listed, found and readable only whole, and durable once `put` has resolved: after any failure, at any
 *   moment, what stood under the key before stands there still, or the new object where only the answer was lost;
 * - a chunk belongs to the producer again when it is asked for the next one: a target that keeps bytes copies them,
 *   and what `get` yields belongs to the reader;
 * - errors say what failed; `retryable` is set only where trying again can help.
 */
import type { SshSettings } from '../host/ssh-config.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { SecretSource } from '../kernel/secret.ts';

export interface Target extends AsyncDisposable {
  /** The URL it was opened by, without secrets. */
  readonly url: string;
  readonly traits: TargetTraits;

  /**
   * Stores an object, replacing an older one.
   *
   * @param body read once; when it throws, nothing is stored and its error comes out
   * @throws LifeboatError `exists` with `ifAbsent` when the key is taken, `no-space`, `permission-denied`, …
   */
  put(key: string, body: Body, options: PutOptions, signal: AbortSignal): Promise<{ readonly size: number }>;

  /**
   * The bytes of an object, or of a part where the trait `ranges` says so.
   *
   * @throws LifeboatError (while iterating) `not-found`; `usage` for a range beyond the end; `target-failed` when the
   *   object is replaced meanwhile and the target cannot go on with the old one: never a mixture
   */
  get(key: string, range: Range | undefined, signal: AbortSignal): AsyncIterable<Uint8Array>;

  /** Size and arrival time, or `undefined` when there is no such object. */
  stat(key: string, signal: AbortSignal): Promise<ObjectInfo | undefined>;

  /** Every object whose key is below `prefix` (whole segments; `''` for all), once each, in no particular order. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<ObjectEntry>;

  /** Removes an object; one that is not there is no error. */
  remove(key: string, signal: AbortSignal): Promise<void>;
}

export interface TargetTraits {
  /** `put` leaves the old object or the new one, even after a crash. */
  readonly atomicPut: boolean;
  /** `ifAbsent` is decided by the storage itself, so that of two writers one wins. */
  readonly exclusivePut: boolean;
  /** `get` can give a part of an object. */
  readonly ranges: boolean;
  /** Only one object after the other can be written and read, as on tape. */
  readonly sequential: boolean;
  /** Nothing can be replaced or removed. */
  readonly appendOnly: boolean;
  /**
   * It waits for its storage by itself, also in the middle of a `put`, and for long: a retryable error comes only when it
   * has given up.
   */
  readonly patient: boolean;
  /** How many calls may be under way at once. */
  readonly connections: number;
}

export interface OpenOptions {
  /** Make the place when it is missing, as `init` does; without it a missing place is `not-found`. */
  readonly create?: boolean;
  /** For what a target has to show, such as the passphrase of a key (`ssh-passphrase`). */
  readonly secrets?: SecretSource;
  /** How to log in by ssh, besides what the configuration of OpenSSH says. */
  readonly ssh?: SshSettings;
  /** How long a patient target waits for a server that is away. @default 15 minutes */
  readonly patienceMs?: number;
  /** Told before each such wait. */
  readonly onWait?: (text: string) => void;
}

export type Body = Uint8Array | AsyncIterable<Uint8Array>;

export interface PutOptions {
  /** Fail with `exists` instead of replacing; needs the trait `exclusivePut`. */
  readonly ifAbsent?: boolean;
}

export interface Range {
  readonly offset: number;
  readonly length: number;
}

export interface ObjectInfo {
  readonly size: number;
  /** When the storage received it, milliseconds since 1970. */
  readonly mtimeMs: number;
}

export interface ObjectEntry extends ObjectInfo {
  readonly key: string;
}

const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Throws `usage` unless `key` is one that every target can store. */
export function checkKey(key: string): void {
  if (key.length > 1024 || !key.split('/').every(isKeySegment)) {
    throw new LifeboatError('usage', `not a key that a target can store: ${JSON.stringify(key)}`);
  }
}

/** Whether `name` can be one segment of a key. */
export function isKeySegment(name: string): boolean {
  return name.length <= 200 && segment.test(name);
}

/** Throws `usage` unless `prefix` is one that {@link Target.list} takes: empty, or a key. */
export function checkPrefix(prefix: string): void {
  if (prefix !== '') checkKey(prefix);
}

/** Throws `usage` unless `range` lies within an object of `size` bytes; gives the range to read. */
export function checkRange(key: string, range: Range | undefined, size: number): Range {
  const { offset, length } = range ?? { offset: 0, length: size };
  const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!valid || offset + length > size) {
    throw new LifeboatError('usage', `bytes ${offset} to ${offset + length} of ${key} are beyond its end at ${size}`);
  }
  return { offset, length };
}

/** A body as a sequence of chunks. */
export async function* chunksOf(body: Body): AsyncIterable<Uint8Array> {
  if (body instanceof Uint8Array) yield body;
  else yield* body;
}

/** A whole small object. */
export async function getBytes(target: Target, key: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of target.get(key, undefined, signal)) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new LifeboatError('output-too-large', `${key} at ${target.url} is larger than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
