/**
 * The key record of a host, `lifeboat.keys/1`: an object of the repository, sealed to the keys of its time and signed by the
 * recovery code. It proves that a code opens this repository, says to whom else a holder of the code seals, and hands a
 * new code what it needs to read what was stored before it.
 */
import { z } from 'zod';
import { decryptBytes, encryptBytes, parseRecipient } from '../age/age.ts';
import type { Identity, Recipient } from '../age/keys.ts';
import { parseDocument } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { derive } from './derive.ts';
import { isSignedBy } from './ed25519.ts';
import { handedToCode, type HostKey, signingKeyOf } from './host-key.ts';
import type { RecoveryCode } from './recovery-code.ts';
import { parseRetired, type Retired, retiredJson, retiredSchema, withRetired } from './retired.ts';

const FORMAT = 'lifeboat.keys/1';

export interface KeyRecord {
  readonly host: string;
  readonly at: string;
  readonly recipients: readonly Recipient[];
  /** Public key in base64 by which the host signs; absent in records of earlier versions. */
  readonly signer?: string;
  /** Public key of the recovery code that signed this, in base64. */
  readonly certifier: string;
  readonly retired: Retired;
}

const recordSchema = z.object({
  format: z.literal(FORMAT),
  host: z.string(),
  at: z.iso.datetime(),
  recipients: z.array(z.string()).min(1),
  signer: z.base64().exactOptional(),
  certifier: z.base64(),
  retired: retiredSchema,
});

/** The document is kept as the text that was signed. */
const envelopeSchema = z.object({ format: z.literal(FORMAT), document: z.string(), signature: z.base64() });

/** @param older what the holder of this code needs besides the code, and besides what the host key has */
export function sealKeyRecord(key: HostKey, code: RecoveryCode, older: Retired, now: Date): Buffer {
  const { signing, identity } = derive(code.secret);
  const recipients = [identity.recipient, ...(key.recipient ? [key.recipient] : [])];
  const record: z.infer<typeof recordSchema> = {
    format: FORMAT,
    host: key.host,
    at: now.toISOString(),
    recipients: recipients.map(({ text }) => text),
    certifier: signing.publicKey,
    signer: signingKeyOf(key).publicKey,
    retired: retiredJson(withRetired(handedToCode(key), older)),
  };
  const document = JSON.stringify(record);
  const envelope = { format: FORMAT, document, signature: signing.sign(signed(document)) };
  return encryptBytes(Buffer.from(JSON.stringify(envelope)), recipients);
}

/** Whether one of these opens it; who signed it is not looked at, and a damaged one is opened by nobody. */
export function opensKeyRecord(sealed: Uint8Array, identities: readonly Identity[]): boolean {
  try {
    decryptBytes(sealed, identities);
    return true;
  } catch (error) {
    if (error instanceof LifeboatError) return false;
    throw error;
  }
}

/**
 * @param certifiers whose signature is believed
 * @throws LifeboatError `no-key` when it is sealed to others; `untrusted` when none of these signed it; `archive-damaged`,
 *   `record-damaged`, `newer-format`
 */
export function openKeyRecord(
  bytes: Uint8Array,
  { host, identities, certifiers }: KeyRecordReader,
  name: string,
): KeyRecord {
  const envelope = parseDocument(decryptBytes(bytes, identities), envelopeSchema, FORMAT, name);
  const { document, signature } = envelope;
  const record = parseDocument(Buffer.from(document), recordSchema, FORMAT, name);
  const believed = certifiers.includes(record.certifier) && isSignedBy(record.certifier, signed(document), signature);
  if (!believed || record.host !== host) {
    throw new LifeboatError('untrusted', `${name} is not signed for ${host} by a recovery code that is known here`, {
      hint: 'Somebody else may have put it there. What it says is not used.',
    });
  }
  return { ...record, recipients: record.recipients.map(parseRecipient), retired: parseRetired(record.retired) };
}

export interface KeyRecordReader {
  readonly host: string;
  readonly identities: readonly Identity[];
  readonly certifiers: readonly string[];
}

function signed(document: string): Buffer {
  return Buffer.from(`${FORMAT}\n${document}`);
}
