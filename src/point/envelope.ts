/**
 * How a record becomes bytes and comes back: the one place that knows.
 *
 * Two lines of JSON, the document and who signed it; compressed by Zstandard; encrypted by age where the repository is. The
 * signature is over the object's key too, so that a record cannot pass for another host's, another point's or another kind.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { decryptBytes, encryptBytes } from '../age/age.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { timeInName } from '../kernel/ids.ts';
import type { Keyring } from '../keys/keyring.ts';

/** Of what is stored, and of what comes out of it. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

export type Suffix = '.age' | '.zst';
export const suffixes: readonly Suffix[] = ['.age', '.zst'];

const signatureSchema = z.object({ key: z.string(), signature: z.string(), certificate: z.string() });
const signatureLineSchema = z.object({ signature: signatureSchema.nullable() });

export function suffixFor({ recipients }: Keyring): Suffix {
  return recipients.length > 0 ? '.age' : '.zst';
}

/** The first line of an envelope: what hashes of documents are over. */
export function documentBytes(document: object): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}

/**
 * @param key of the object, with the suffix of {@link suffixFor}
 * @throws LifeboatError `no-key` where records are signed and there is nothing to sign with; `output-too-large`
 */
export function sealDocument(keys: Keyring, key: string, document: object): Buffer {
  const bytes = documentBytes(document);
  if (keys.signs && keys.signer === undefined) {
    throw new LifeboatError('no-key', `nothing can be put on record as ${key}: there is no key to sign with`, {
      hint: 'Records are signed by the host key: run it on the protected host.',
    });
  }
  const signature = keys.signer?.sign(signed(key, bytes)) ?? null;
  const lines = Buffer.concat([bytes, documentBytes({ signature })]);
  const packed = zstdCompressSync(lines);
  const sealed = keys.recipients.length > 0 ? encryptBytes(packed, keys.recipients) : packed;
  if (Math.max(lines.length, sealed.length) <= MAX_RECORD_BYTES) return sealed;
  throw new LifeboatError(
    'output-too-large',
    `the record ${key} would have ${lines.length} bytes: nobody could read it`,
    {
      hint: `A record has at most ${MAX_RECORD_BYTES} bytes.`,
    },
  );
}

/**
 * The bytes of the document in an envelope.
 *
 * @param key under which it was found, `lifeboat/<host>/…`
 * @throws LifeboatError `no-key` when nothing here opens it; `record-damaged`; `record-forged` when nobody whom we trust
 *   signed it
 */
export function openDocument(keys: Keyring, key: string, sealed: Uint8Array): Buffer {
  const lines = unpacked(key, key.endsWith('.age') ? decrypted(keys, key, sealed) : sealed);
  const end = lines.indexOf(0x0a) + 1;
  const document = lines.subarray(0, end);
  if (keys.signs) judge(keys, key, document, lines.subarray(end));
  return document;
}

function signed(key: string, document: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`lifeboat.record/1\n${key}\n`), document]);
}

/** @throws LifeboatError `no-key` when nothing here could open a record under this key, so that it is not fetched */
export function checkReadable(keys: Keyring, key: string): void {
  if (key.endsWith('.age') && keys.identities.length === 0) throw noKey(keys, key);
}

function decrypted(keys: Keyring, key: string, sealed: Uint8Array): Buffer {
  try {
    return decryptBytes(sealed, keys.identities);
  } catch (cause) {
    if (!(cause instanceof LifeboatError)) throw cause;
    if (cause.code !== 'no-key') throw damaged(key, cause.message, cause);
    throw noKey(keys, key, cause);
  }
}

function noKey({ identities }: Keyring, key: string, cause?: LifeboatError): LifeboatError {
  return identities.length === 0
    ? new LifeboatError('no-key', `there is no key here to open ${key}`, {
        hint: 'This host stores points and cannot read them. Use the recovery code, or a host that holds its key.',
        cause,
      })
    : new LifeboatError('no-key', `${key} was encrypted for other keys than those here`, {
        hint: 'Check with "lifeboat key check" that the recovery code or host key is that of this repository.',
        cause,
      });
}

function unpacked(key: string, packed: Uint8Array): Buffer {
  try {
    return zstdDecompressSync(packed, { maxOutputLength: MAX_RECORD_BYTES });
  } catch (cause) {
    throw damaged(key, cause instanceof Error ? cause.message : 'it cannot be decompressed', cause);
  }
}

function judge(keys: Keyring, key: string, document: Buffer, line: Buffer): void {
  const { signature } = parsedSignature(key, line);
  if (signature === null) throw forged(key, 'nobody signed it');
  const host = key.split('/')[1] ?? '';
  const verdict = keys.judge(host, signed(key, document), signature, timeInName(key) ?? Date.now());
  if (verdict === 'wrong') throw damaged(key, 'it is not what was signed under this name');
  if (verdict === 'late') throw forged(key, 'it was signed by a key that had been replaced by then');
  if (verdict === 'unknown') throw forged(key, 'it was signed by a key that nobody here vouches for');
}

function parsedSignature(key: string, line: Buffer) {
  try {
    return signatureLineSchema.parse(JSON.parse(line.toString('utf8')));
  } catch (cause) {
    throw damaged(key, 'the line that tells who signed it cannot be read', cause);
  }
}

function damaged(key: string, why: string, cause?: unknown): LifeboatError {
  return new LifeboatError('record-damaged', `the record ${key} is damaged: ${why}`, { cause });
}

function forged(key: string, why: string): LifeboatError {
  return new LifeboatError('record-forged', `the record ${key} is not to be trusted: ${why}`, {
    hint: 'If it was signed with an older host key or recovery code, give that. Otherwise find out who can write to the repository; "lifeboat points repair --unknown-signer" makes it anew out of the data.',
  });
}
