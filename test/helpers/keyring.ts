/** Keys made for a test: a host that signs and reads, one that only stores, and an attacker. */
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { identityFrom } from '../../src/age/age.ts';
import type { Keyring, RecordSignature } from '../../src/keys/keyring.ts';

export interface TestKeyring extends Keyring {
  /** Public keys that it vouches for. */
  readonly trusted: Set<string>;
}

/** A keyring that trusts itself alone, with an age identity of its own. */
export function testKeyring(): TestKeyring {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const identity = identityFrom(randomBytes(32));
  const key = textOf(publicKey);
  const trusted = new Set([key]);
  return {
    trusted,
    recipients: [identity.recipient],
    identities: [identity],
    signs: true,
    signer: {
      sign: (message) => ({ key, signature: sign(null, message, privateKey).toString('base64'), certificate: '' }),
    },
    judge: (_host, message, signature) => verdict(trusted, message, signature),
  };
}

/** The same, of a host that cannot read what it stores. */
export function writeOnly(keys: Keyring): Keyring {
  return { ...keys, identities: [] };
}

function textOf(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64');
}

function verdict(trusted: ReadonlySet<string>, message: Uint8Array, { key, signature }: RecordSignature) {
  if (!trusted.has(key)) return 'unknown';
  const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' });
  return verify(null, message, publicKey, Buffer.from(signature, 'base64')) ? 'trusted' : 'wrong';
}
