/** What is derived from a secret, be it that of the recovery code or that of a host. `docs/keys.md` says how by hand. */
import { hkdfSync } from 'node:crypto';
import { identityFrom, identityText } from '../age/age.ts';
import type { Identity } from '../age/keys.ts';
import { Secret } from '../kernel/secret.ts';
import { type SigningKey, signingKey } from './ed25519.ts';
import { type SshKey, sshKey } from './ssh-key.ts';

const SALT = 'lifeboat.keys/1';

export interface Derived {
  /** Opens records and archives. */
  readonly identity: Identity;
  /** Signs the records of a host; of the recovery code, it certifies hosts. */
  readonly signing: SigningKey;
  /** Password of a restic repository. */
  readonly restic: Secret;
}

export function derive(secret: Uint8Array): Derived {
  const identity = identityFrom(part(secret, 'age identity', 32));
  // Known from here on, so that it is redacted wherever it turns up.
  void new Secret(identityText(identity));
  return {
    identity,
    signing: signingKey(part(secret, 'signing key', 32)),
    restic: new Secret(part(secret, 'restic password', 16).toString('hex')),
  };
}

/** What logs in to the server of a repository where nothing but this secret is left. */
export function deriveSshKey(secret: Uint8Array): SshKey {
  return sshKey(part(secret, 'ssh key', 32));
}

function part(secret: Uint8Array, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, SALT, purpose, length));
}
