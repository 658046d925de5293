/** The host key file, `lifeboat.key/1`: what lets a host store, sign and (unless it is write-only) open. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseRecipient } from '../age/age.ts';
import type { Identity, Recipient } from '../age/keys.ts';
import { readPrivateFile } from '../host/private-file.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { parseDocument } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import { certify } from './certificate.ts';
import { derive } from './derive.ts';
import { type SigningKey, signingKey } from './ed25519.ts';
import type { RecoveryCode } from './recovery-code.ts';
import {
  noneRetired,
  parseRetired,
  type Retired,
  retiredJson,
  retiredNow,
  retiredSchema,
  withRetired,
} from './retired.ts';

const KEY_FORMAT = 'lifeboat.key/1';
const SECRET_LENGTH = 32;

export interface HostKey {
  /** Name of the host in the repository, for which its signing key is certified. */
  readonly host: string;
  readonly createdAt: string;
  /** 32 bytes: of a host that can open, what everything derives from; of a write-only one, the signing key alone. */
  readonly secret: Uint8Array;
  readonly writeOnly: boolean;
  /** The public part of the recovery code. */
  readonly recovery: { readonly recipient: Recipient; readonly certifier: string };
  /** Of the host itself; absent when it is write-only. */
  readonly recipient: Recipient | undefined;
  /** By which the recovery code vouches for the host's signing key. */
  readonly certificate: string;
  /** When a person proved that the recovery code was noted and opens the repository; absent until then. */
  readonly proven?: string;
  readonly retired: Retired;
}

const secretText = z
  .base64()
  .refine((text) => Buffer.from(text, 'base64').length === SECRET_LENGTH, `is not ${SECRET_LENGTH} bytes`);

const keySchema = z.object({
  format: z.literal(KEY_FORMAT),
  host: z.string(),
  createdAt: z.iso.datetime(),
  mode: z.enum(['full', 'write-only']),
  secret: secretText,
  recovery: z.object({ recipient: z.string(), certifier: z.base64() }),
  certificate: z.base64(),
  proven: z.iso.datetime().exactOptional(),
  retired: retiredSchema,
});

/**
 * A new key for a host, certified by the recovery code, that opens what it replaces opened: nothing if it is write-only, and never by
 * the recovery code's own identity.
 */
export function newHostKey(
  host: string,
  code: RecoveryCode,
  { writeOnly, retired = noneRetired }: { readonly writeOnly: boolean; readonly retired?: Retired },
  now: Date,
): HostKey {
  const { identity, signing } = derive(code.secret);
  const secret = randomBytes(SECRET_LENGTH);
  const ofCode = identity.recipient.text;
  const identities = writeOnly ? [] : retired.identities.filter(({ recipient }) => recipient.text !== ofCode);
  return complete({
    host,
    createdAt: now.toISOString(),
    secret,
    writeOnly,
    recovery: { recipient: identity.recipient, certifier: signing.publicKey },
    certificate: certify(signing, host, (writeOnly ? signingKey(secret) : derive(secret).signing).publicKey),
    retired: { ...retired, identities },
  });
}

export function signingKeyOf({ secret, writeOnly }: HostKey): SigningKey {
  return writeOnly ? signingKey(secret) : derive(secret).signing;
}

/** None of a write-only host. */
export function identitiesOf({ secret, writeOnly }: HostKey): Identity[] {
  return writeOnly ? [] : [derive(secret).identity];
}

/**
 * What the repository keeps for the recovery code: what opens all that was sealed to the host. The code in force opens that anyway,
 * and an older one never sees it, for a new code goes with a new key of the host.
 */
export function handedToCode(key: HostKey): Retired {
  return withRetired(key.retired, { ...noneRetired, identities: identitiesOf(key) });
}

/** What is in force until now. */
export function replacedNow(key: HostKey, now: Date): Retired {
  const { publicKey } = signingKeyOf(key);
  return withRetired(key.retired, retiredNow({ identities: identitiesOf(key), signers: [publicKey] }, now));
}

function complete(key: Omit<HostKey, 'recipient'>): HostKey {
  const text = Buffer.from(key.secret);
  for (const encoding of ['base64', 'hex'] as const) void new Secret(text.toString(encoding));
  return { ...key, recipient: key.writeOnly ? undefined : derive(key.secret).identity.recipient };
}

/** Writes the key file, which only its owner can read, or leaves the one that is there. */
export async function writeHostKey(path: string, key: HostKey): Promise<void> {
  const document: z.infer<typeof keySchema> = {
    format: KEY_FORMAT,
    host: key.host,
    createdAt: key.createdAt,
    mode: key.writeOnly ? 'write-only' : 'full',
    secret: Buffer.from(key.secret).toString('base64'),
    recovery: { recipient: key.recovery.recipient.text, certifier: key.recovery.certifier },
    certificate: key.certificate,
    ...(key.proven === undefined ? {} : { proven: key.proven }),
    retired: retiredJson(key.retired),
  };
  await writeFileAtomic(path, `${JSON.stringify(document, null, 2)}\n`, 0o600);
}

/**
 * @throws LifeboatError `not-found`, `permission-denied`; `untrusted` when somebody else can read it;
 *   `record-damaged`, `newer-format`
 */
export function readHostKey(path: string): HostKey {
  const bytes = readPrivateFile(path);
  if (bytes === undefined) throw new LifeboatError('not-found', `there is no host key at ${printable(path)}`);
  const stored = parseDocument(bytes, keySchema, KEY_FORMAT, printable(path));
  return complete({
    host: stored.host,
    createdAt: stored.createdAt,
    secret: Buffer.from(stored.secret, 'base64'),
    writeOnly: stored.mode === 'write-only',
    recovery: { recipient: parseRecipient(stored.recovery.recipient), certifier: stored.recovery.certifier },
    certificate: stored.certificate,
    ...(stored.proven === undefined ? {} : { proven: stored.proven }),
    retired: parseRetired(stored.retired),
  });
}
