/** The keys that a process works with: the contract, and nothing else. Where they come from is in the files beside it. */
import type { Sealing } from '../age/keys.ts';

/** Who signed, and why to believe it. All of it public. */
export interface RecordSignature {
  /** Ed25519 public key of the host, in base64. */
  readonly key: string;
  /** Ed25519 signature over what was signed, in base64. */
  readonly signature: string;
  /**
   * The signature of a key derived from the recovery code over the host's key and name, in base64: so whoever types the
   * code can check the chain on any machine.
   */
  readonly certificate: string;
}

export interface Signer {
  sign(message: Uint8Array): RecordSignature;
}

/**
 * - `trusted`: signed by a key of this host, or by one that the recovery code certified for it;
 * - `late`: rightly signed, by a key or code that had been replaced before the time that is claimed;
 * - `wrong`: not what was signed;
 * - `unknown`: rightly signed, by a key that nobody here vouches for.
 */
export type Verdict = 'trusted' | 'late' | 'wrong' | 'unknown';

export interface Keyring extends Sealing {
  /** Absent where there is only a recovery code, or no key at all. */
  readonly signer: Signer | undefined;
  /** Whether records must be signed. Without keys nothing can be judged, and what is read is taken as it is. */
  readonly signs: boolean;
  /**
   * @param hostName as it stands in the keys of the repository: a certificate is for one host
   * @param claimedMs when it claims to be made: keys that were replaced are believed for what is older only
   */
  judge(hostName: string, message: Uint8Array, signature: RecordSignature, claimedMs: number): Verdict;
}

/** Of a configuration without a key: records are neither encrypted nor signed. */
export const noKeys: Keyring = {
  recipients: [],
  identities: [],
  signer: undefined,
  signs: false,
  judge: () => 'unknown',
};
