/** Content that stands alone, signed by a host: whoever has a key of that host, or the recovery code behind it, can tell that it wrote it. */
import { z } from 'zod';
import type { HostKey } from './host-key.ts';
import type { Keyring } from './keyring.ts';
import { keyringOfHostKey } from './ring.ts';

const signedFormat = 'lifeboat.signed/1';

const signedSchema = z.object({
  format: z.literal(signedFormat),
  host: z.string(),
  at: z.iso.datetime(),
  key: z.string(),
  signature: z.string(),
  certificate: z.string(),
});

/**
 * What is signed: nothing signed as one kind passes for another.
 * - `configuration`: on a medium, what an unattended recovery follows;
 * - `checkpoint`: the memory of a container.
 */
export type SignedKind = 'configuration' | 'checkpoint';

/** @returns what is kept beside the content */
export function signContent(kind: SignedKind, content: Uint8Array, key: HostKey, now: Date): string {
  const at = now.toISOString();
  const signature = keyringOfHostKey(key).signer?.sign(message(kind, key.host, at, content));
  return `${JSON.stringify({ format: signedFormat, host: key.host, at, ...signature })}\n`;
}

/**
 * - `trusted`: the host signed it, and the keys here vouch for the host;
 * - `unsigned`: there is no signature, or no key here to judge it by;
 * - `wrong`: it is not what was signed, or signed by somebody else.
 */
export type Vouched = 'trusted' | 'unsigned' | 'wrong';

/** @param signed what is kept beside it */
export function judgeContent(
  kind: SignedKind,
  content: Uint8Array,
  signed: Uint8Array | undefined,
  host: string,
  keys: Pick<Keyring, 'judge' | 'signs'>,
): Vouched {
  if (signed === undefined || !keys.signs) return 'unsigned';
  const parsed = signedSchema.safeParse(jsonOf(signed));
  if (!parsed.success || parsed.data.host !== host) return 'wrong';
  const { at, ...signature } = parsed.data;
  return keys.judge(host, message(kind, host, at, content), signature, Date.parse(at)) === 'trusted'
    ? 'trusted'
    : 'wrong';
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

const message = (kind: SignedKind, host: string, at: string, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`lifeboat.${kind}/1\n${host}\n${at}\n`), content]);
