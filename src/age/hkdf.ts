/** Keys out of secrets by HKDF (RFC 5869), as the age format derives all of its own. */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** 32 bytes. A `KeyObject`, for Node takes one at once: of bytes it finds out each time, by exceptions, that they are none. */
export function hkdf(secret: Uint8Array, salt: Uint8Array | string, info: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', createSecretKey(secret), salt, info, 32)));
}
