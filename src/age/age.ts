/**
 * The age format, version 1 (https://age-encryption.org/v1), with X25519 keys: what Debian's `age` opens and makes.
 *
 * Streams for data, and the same at once for small records. Why not a library: `docs/decisions/0009-keys.md`.
 */
import { inBlocks } from '../kernel/blocks.ts';
import { chunkGroups } from './chunks.ts';
import { damaged, headerEnd, makeHeader, MAX_HEADER_LENGTH, newFileKey, openHeader } from './header.ts';
import type { Identity, Recipient } from './keys.ts';
import { CHUNK_LENGTH, newNonce, NONCE_LENGTH, Opener, Sealer, TAG_LENGTH } from './payload.ts';

export { identityFrom, identityText, parseIdentity, parseRecipient } from './x25519.ts';

const SEALED_LENGTH = CHUNK_LENGTH + TAG_LENGTH;
/** Chunks that are decrypted together. */
const GATHERED = 8;
/** Chunks that are encrypted in one go, beside those that are given meanwhile. */
const SEALED_AT_ONCE = 16;

/**
 * Encrypts a stream, in large pieces, each to be used before the next is asked for.
 *
 * @param recipients each can open it alone; at least one
 */
export async function* encrypting(
  source: AsyncIterable<Uint8Array>,
  recipients: readonly Recipient[],
): AsyncIterable<Buffer> {
  const { head, sealer } = begin(recipients);
  yield head;
  yield* inBlocks(source, {
    length: SEALED_AT_ONCE * CHUNK_LENGTH,
    room: SEALED_AT_ONCE * SEALED_LENGTH + TAG_LENGTH,
    atOnce: 2,
    work: (block, last, output) => sealer.sealChunks(block, last, output),
  });
}

/**
 * Decrypts a stream. Gives only bytes that were authenticated; that nothing is missing at the end is known when the
 * iteration ends without an error.
 *
 * @throws LifeboatError (while iterating) `no-key` before anything was given, when no identity fits; `archive-damaged`
 *   for whatever was changed, cut off or added
 */
export async function* decrypting(
  source: AsyncIterable<Uint8Array>,
  identities: readonly Identity[],
): AsyncIterable<Buffer> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    const { header, nonce, rest } = splitHead(await readHead(pieces));
    const opener = new Opener(openHeader(header, identities), nonce);
    let out: Buffer | undefined;
    let size = 0;
    for await (const group of chunkGroups(following(rest, pieces), SEALED_LENGTH)) {
      for (const { bytes, last } of group) {
        out ??= Buffer.allocUnsafeSlow(GATHERED * CHUNK_LENGTH);
        size += opener.open(bytes, last, out, size);
        if (!last && size < out.length) continue;
        if (size > 0) yield out.subarray(0, size);
        out = undefined;
        size = 0;
      }
    }
  } finally {
    await pieces.return?.();
  }
}

/** {@link encrypting}, for what is in memory. */
export function encryptBytes(bytes: Uint8Array, recipients: readonly Recipient[]): Buffer {
  const { head, sealer } = begin(recipients);
  const chunks = Math.max(1, Math.ceil(bytes.length / CHUNK_LENGTH));
  const result = Buffer.allocUnsafe(head.length + bytes.length + chunks * TAG_LENGTH);
  let size = head.copy(result);
  for (let index = 0; index < chunks; index++) {
    const chunk = bytes.subarray(index * CHUNK_LENGTH, (index + 1) * CHUNK_LENGTH);
    size += sealer.seal(chunk, index === chunks - 1, result, size);
  }
  return result;
}

/**
 * {@link decrypting}, for what is in memory.
 *
 * @throws LifeboatError `no-key`, `archive-damaged`
 */
export function decryptBytes(bytes: Uint8Array, identities: readonly Identity[]): Buffer {
  const { header, nonce, rest } = splitHead(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const opener = new Opener(openHeader(header, identities), nonce);
  const chunks = Math.max(1, Math.ceil(rest.length / SEALED_LENGTH));
  const result = Buffer.allocUnsafe(rest.length);
  let size = 0;
  for (let index = 0; index < chunks; index++) {
    const chunk = rest.subarray(index * SEALED_LENGTH, (index + 1) * SEALED_LENGTH);
    size += opener.open(chunk, index === chunks - 1, result, size);
  }
  return result.subarray(0, size);
}

function begin(recipients: readonly Recipient[]): { readonly head: Buffer; readonly sealer: Sealer } {
  const fileKey = newFileKey();
  const nonce = newNonce();
  return { head: Buffer.concat([makeHeader(fileKey, recipients), nonce]), sealer: new Sealer(fileKey, nonce) };
}

/** The beginning of a stream with the whole header in it and the nonce behind it, as far as there is one. */
async function readHead(pieces: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while ((headerEnd(head) ?? MAX_HEADER_LENGTH) + NONCE_LENGTH > head.length) {
    const next = await pieces.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  return head;
}

function splitHead(start: Buffer): { readonly header: Buffer; readonly nonce: Buffer; readonly rest: Buffer } {
  const end = headerEnd(start.subarray(0, MAX_HEADER_LENGTH));
  if (end === undefined) throw damaged('it has no header of the age format, or a part of it');
  const nonce = start.subarray(end, end + NONCE_LENGTH);
  return { header: start.subarray(0, end), nonce, rest: start.subarray(end + NONCE_LENGTH) };
}

async function* following(first: Buffer, pieces: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  yield first;
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
}
