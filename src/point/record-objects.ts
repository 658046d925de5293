/** Records as objects of a repository: written once, opened and checked against the key under which they stand. */
import { checkDocument, type Schema } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { timeInName } from '../kernel/ids.ts';
import type { Keyring } from '../keys/keyring.ts';
import { getBytes, type Target } from '../target/target.ts';
import { checkReadable, documentBytes, MAX_RECORD_BYTES, openDocument, sealDocument, suffixFor } from './envelope.ts';
import { folderOf, recordKey, recordKeys, type RecordKind } from './names.ts';

const DAY = 86_400_000;

/** Where records are, and with what they are sealed, signed and opened. */
export interface Repository {
  readonly target: Target;
  readonly keys: Keyring;
}

/** An object of a listing. */
export interface Found {
  readonly key: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Writes a record. The same one again is no error, so that a step can be repeated; records are never changed.
 *
 * @returns its key
 * @throws LifeboatError `exists` when there is another one; `target-failed` when it reads back otherwise
 */
export async function putRecord(
  { target, keys }: Repository,
  host: string,
  kind: RecordKind,
  name: string,
  document: object,
  signal: AbortSignal,
): Promise<string> {
  const key = recordKey(host, kind, name, suffixFor(keys));
  const sealed = sealDocument(keys, key, document);
  const ifAbsent = target.traits.exclusivePut;
  try {
    if (!ifAbsent && (await target.stat(key, signal)) !== undefined)
      throw new LifeboatError('exists', `${key} is taken at ${target.url}`);
    await target.put(key, sealed, { ifAbsent }, signal);
    await checkStored(target, key, sealed, signal);
  } catch (cause) {
    if (!(cause instanceof LifeboatError && cause.code === 'exists')) throw cause;
    if (await holds({ target, keys }, key, document, signal)) return key;
    throw new LifeboatError('exists', `there is another record under ${key} at ${target.url}, and none is replaced`, {
      cause,
    });
  }
  return key;
}

/** Without its record a point is lost to whoever looks for it: that it was acknowledged is not enough. */
export async function checkStored(target: Target, key: string, sealed: Uint8Array, signal: AbortSignal): Promise<void> {
  const stored = await getBytes(target, key, MAX_RECORD_BYTES, signal).catch((error: unknown) => {
    if (error instanceof LifeboatError && error.code === 'not-found') return undefined;
    throw error;
  });
  if (stored?.equals(sealed) === true) return;
  throw new LifeboatError('target-failed', `${key} was stored at ${target.url}, and reads back wrong`, {
    hint: 'Check the storage, then run it again.',
  });
}

/** Compared opened: encrypted, the same record is never the same bytes. */
async function holds(repository: Repository, key: string, document: object, signal: AbortSignal): Promise<boolean> {
  try {
    return (await readBytes(repository, key, signal)).equals(documentBytes(document));
  } catch (error) {
    if (isUnreadable(error)) return false;
    throw error;
  }
}

/**
 * The bytes of a record's document.
 *
 * @throws LifeboatError `not-found`; those of {@link isUnreadable}; what the target throws
 */
export async function readBytes({ target, keys }: Repository, key: string, signal: AbortSignal): Promise<Buffer> {
  checkReadable(keys, key);
  return openDocument(keys, key, await getBytes(target, key, MAX_RECORD_BYTES, signal));
}

/** {@link readBytes}, parsed. */
export async function readRecord<T>(
  repository: Repository,
  key: string,
  schema: Schema<T>,
  format: string,
  signal: AbortSignal,
): Promise<T> {
  return parseRecord(await readBytes(repository, key, signal), schema, format, key);
}

export function parseRecord<T>(bytes: Buffer, schema: Schema<T>, format: string, key: string): T {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new LifeboatError('record-damaged', `the record ${key} is not JSON`, { cause });
  }
  return checkDocument(document, schema, format, `the record ${key}`);
}

/** A record that is there and cannot be used, which is no reason to give up on the others. */
export function isUnreadable(error: unknown): error is LifeboatError {
  return (
    error instanceof LifeboatError &&
    ['record-damaged', 'record-forged', 'no-key', 'newer-format', 'output-too-large'].includes(error.code)
  );
}

type Received = Pick<Found, 'key' | 'mtimeMs'>;

/**
 * Puts records in the order in which they arrived. What arrived in the future, but was made before now, was received by a
 * clock that was ahead: there the time in its name counts, so that it is not the latest for as long. Where both are in
 * the future, the clock here is behind, and arrival counts.
 */
export function byArrival(nowMs: number): (a: Received, b: Received) => number {
  const order = ({ key, mtimeMs }: Received) => {
    const made = mtimeMs <= nowMs + DAY ? undefined : timeInName(key);
    return made !== undefined && made <= nowMs + DAY ? made : mtimeMs;
  };
  return (a, b) => order(a) - order(b) || (a.key < b.key ? -1 : 1);
}

/** In the order of {@link byArrival}. */
export async function listFolder(
  target: Target,
  host: string,
  kind: RecordKind,
  signal: AbortSignal,
): Promise<Found[]> {
  const found = await Array.fromAsync(target.list(folderOf(host, kind), signal));
  return found.toSorted(byArrival(Date.now()));
}

/** By its keys: also one that cannot be read here, or that a list does not have yet. */
export async function hasRecord(
  { target }: Pick<Repository, 'target'>,
  host: string,
  kind: RecordKind,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const key of recordKeys(host, kind, name)) if ((await target.stat(key, signal)) !== undefined) return true;
  return false;
}

export async function removeRecord(
  { target }: Pick<Repository, 'target'>,
  host: string,
  kind: RecordKind,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  for (const key of recordKeys(host, kind, name)) await target.remove(key, signal);
}
