/**
 * The configuration on a medium, signed by the host that it is of: an unattended recovery follows what it says of disks. Whoever can write to the
 * medium could name other disks there, so it counts only where the recovery code vouches for who signed it.
 */
import { z } from 'zod';
import type { HostKey } from '../keys/host-key.ts';
import type { Keyring } from '../keys/keyring.ts';
import { keyringOfHostKey } from '../keys/ring.ts';

const signedFormat = 'lifeboat.signed/1';

const signedSchema = z.object({
  format: z.literal(signedFormat),
  host: z.string(),
  at: z.iso.datetime(),
  key: z.string(),
  signature: z.string(),
  certificate: z.string(),
});

/** Beside the configuration. */
export const signatureOf = (configuration: string): string => `${configuration}.sig`;

/** @returns what is written beside it */
export function signConfiguration(content: Uint8Array, key: HostKey, now: Date): string {
  const at = now.toISOString();
  const signature = keyringOfHostKey(key).signer?.sign(message(key.host, at, content));
  return `${JSON.stringify({ format: signedFormat, host: key.host, at, ...signature })}\n`;
}

/**
 * - `trusted`: the host signed it, and the keys here vouch for the host;
 * - `unsigned`: there is no signature, or no key here to judge it by;
 * - `wrong`: it is not what was signed, or signed by somebody else.
 */
export type Vouched = 'trusted' | 'unsigned' | 'wrong';

/** @param signed what lies beside it */
export function judgeConfiguration(
  content: Uint8Array,
  signed: Uint8Array | undefined,
  host: string,
  keys: Pick<Keyring, 'judge' | 'signs'>,
): Vouched {
  if (signed === undefined || !keys.signs) return 'unsigned';
  const parsed = signedSchema.safeParse(jsonOf(signed));
  if (!parsed.success || parsed.data.host !== host) return 'wrong';
  const { at, ...signature } = parsed.data;
  return keys.judge(host, message(host, at, content), signature, Date.parse(at)) === 'trusted' ? 'trusted' : 'wrong';
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

const message = (host: string, at: string, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`lifeboat.configuration/1\n${host}\n${at}\n`), content]);
