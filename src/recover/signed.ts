/**
 * The configuration on a medium, signed by the host that it is of: an unattended recovery follows what it says of disks. Whoever can write to the
 * medium could name other disks there, so it counts only where the recovery code vouches for who signed it.
 */
import type { HostKey } from '../keys/host-key.ts';
import type { Keyring } from '../keys/keyring.ts';
import { judgeContent, signContent, type Vouched } from '../keys/signed.ts';

/** Beside the configuration. */
export const signatureOf = (configuration: string): string => `${configuration}.sig`;

/** @returns what is written beside it */
export function signConfiguration(content: Uint8Array, key: HostKey, now: Date): string {
  return signContent('configuration', content, key, now);
}

/** @param signed what lies beside it */
export function judgeConfiguration(
  content: Uint8Array,
  signed: Uint8Array | undefined,
  host: string,
  keys: Pick<Keyring, 'judge' | 'signs'>,
): Vouched {
  return judgeContent('configuration', content, signed, host, keys);
}
