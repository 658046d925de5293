/** X25519 keys of age: their text, and the secret that two of them share. */
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { LifeboatError } from '../kernel/errors.ts';
import { bech32, parseBech32 } from './bech32.ts';
import type { Identity, Recipient } from './keys.ts';

export const KEY_LENGTH = 32;

/** What stands before a raw key in its DER form: the algorithm's name and lengths, the same for every key. */
const privateHead = Buffer.from('302e020100300506032b656e04220420', 'hex');
const publicHead = Buffer.from('302a300506032b656e032100', 'hex');

const RECIPIENT = 'age';
const IDENTITY = 'age-secret-key-';

/**
 * `age1…` → whom to encrypt to.
 *
 * @throws LifeboatError `usage`
 */
export function parseRecipient(text: string): Recipient {
  const publicKey = parseBech32(RECIPIENT, text.trim());
  if (publicKey?.length !== KEY_LENGTH) {
    throw new LifeboatError('usage', `not a recipient of age: ${JSON.stringify(text)}`, {
      hint: 'It begins with age1 and has 62 characters; recipients of plugins and ssh keys are not known here.',
    });
  }
  return { text: bech32(RECIPIENT, publicKey), publicKey };
}

export function recipientOf(publicKey: Uint8Array): Recipient {
  return { text: bech32(RECIPIENT, publicKey), publicKey };
}

/**
 * `AGE-SECRET-KEY-1…` → what opens.
 *
 * @throws LifeboatError `usage`, without repeating what was given
 */
export function parseIdentity(text: string): Identity {
  const privateKey = parseBech32(IDENTITY, text.trim());
  if (privateKey?.length !== KEY_LENGTH) {
    throw new LifeboatError('usage', 'not an identity of age', { hint: 'It begins with AGE-SECRET-KEY-1.' });
  }
  return identityFrom(privateKey);
}

/** @param privateKey any 32 bytes */
export function identityFrom(privateKey: Uint8Array): Identity {
  return { recipient: recipientOf(rawPublic(createPublicKey(importPrivate(privateKey)))), privateKey };
}

/** `AGE-SECRET-KEY-1…`, a secret. */
export function identityText({ privateKey }: Identity): string {
  return bech32(IDENTITY, privateKey).toUpperCase();
}

/** A key for one stanza, with its public half. */
export function ephemeralKey(): { readonly key: KeyObject; readonly share: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return { key: privateKey, share: rawPublic(publicKey) };
}

/**
 * What only the holders of one of the two private keys can compute.
 *
 * @returns `undefined` where the public key is of low order, so that the result would be the same for everybody
 */
export function sharedSecret(privateKey: KeyObject, publicKey: Uint8Array): Buffer | undefined {
  let shared: Buffer;
  try {
    shared = diffieHellman({ privateKey, publicKey: importPublic(publicKey) });
  } catch {
    // OpenSSL refuses such keys itself.
    return undefined;
  }
  return shared.every((byte) => byte === 0) ? undefined : shared;
}

const imported = new WeakMap<Identity, KeyObject>();

/** Importing takes longer than computing, and thousands of records are opened with one identity. */
export function privateKeyOf(identity: Identity): KeyObject {
  const known = imported.get(identity);
  if (known) return known;
  const key = importPrivate(identity.privateKey);
  imported.set(identity, key);
  return key;
}

function importPrivate(privateKey: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privateHead, privateKey]), format: 'der', type: 'pkcs8' });
}

/** As text, which Node imports in a third of the time that it takes for bytes. */
function importPublic(publicKey: Uint8Array): KeyObject {
  const der = Buffer.concat([publicHead, publicKey]).toString('base64');
  return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`);
}

function rawPublic(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(publicHead.length);
}
