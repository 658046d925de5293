/** Ed25519 keys from 32 bytes, and signatures as base64. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

const privateHead = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicHead = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_LENGTH = 32;

export interface SigningKey {
  /** In base64. */
  readonly publicKey: string;
  /** A signature in base64. */
  sign(message: Uint8Array): string;
}

/** @param seed 32 bytes, the private key of RFC 8032 */
export function signingKey(seed: Uint8Array): SigningKey {
  const key = privateKey(seed);
  return {
    publicKey: publicKeyOf(seed).toString('base64'),
    sign: (message) => sign(null, message, key).toString('base64'),
  };
}

/** 32 bytes. @param seed as that of {@link signingKey} */
export function publicKeyOf(seed: Uint8Array): Buffer {
  return createPublicKey(privateKey(seed)).export({ format: 'der', type: 'spki' }).subarray(publicHead.length);
}

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privateHead, seed]), format: 'der', type: 'pkcs8' });
}

const imported = new Map<string, KeyObject>();

/** Whether it was signed by this key; false also for what is no key or no signature. */
export function isSignedBy(publicKey: string, message: Uint8Array, signature: string): boolean {
  const raw = Buffer.from(publicKey, 'base64');
  if (raw.length !== KEY_LENGTH) return false;
  let key = imported.get(publicKey);
  if (key === undefined) {
    key = createPublicKey({ key: Buffer.concat([publicHead, raw]), format: 'der', type: 'spki' });
    // A repository has a few keys; a forger may make up any number.
    if (imported.size < 1000) imported.set(publicKey, key);
  }
  return verify(null, message, key, Buffer.from(signature, 'base64'));
}
