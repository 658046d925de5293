/** A certificate: the recovery code's key says that a signing key is that of a host. */
import { isSignedBy, type SigningKey } from './ed25519.ts';

const DOMAIN = 'lifeboat.certificate/1';

/** @returns in base64 */
export function certify(certifier: SigningKey, hostName: string, hostKey: string): string {
  return certifier.sign(certified(hostName, hostKey));
}

export function isCertified(certifier: string, hostName: string, hostKey: string, certificate: string): boolean {
  return isSignedBy(certifier, certified(hostName, hostKey), certificate);
}

/** The name holds no newline, as a segment of a key of a target has none, and the key is base64. */
function certified(hostName: string, hostKey: string): Buffer {
  return Buffer.from(`${DOMAIN}\n${hostName}\n${hostKey}\n`);
}
