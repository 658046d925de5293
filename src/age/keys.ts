/** Keys of the age format (https://age-encryption.org/v1): who can open an encrypted stream. */

/** Whom something is encrypted to. Public. */
export interface Recipient {
  /** `age1…` */
  readonly text: string;
  /** The X25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** What opens it again. Secret: it never enters a run's state, a log, argv or the environment. */
export interface Identity {
  readonly recipient: Recipient;
  /** The X25519 private key, 32 bytes. */
  readonly privateKey: Uint8Array;
}

/**
 * How data of a repository is encrypted, for those who store and read it.
 *
 * No recipients: nothing is encrypted. No identities: what is encrypted can be stored, and read back as ciphertext only
 * (a write-only host).
 */
export interface Sealing {
  readonly recipients: readonly Recipient[];
  readonly identities: readonly Identity[];
}

/** For repositories without encryption. */
export const unsealed: Sealing = { recipients: [], identities: [] };
