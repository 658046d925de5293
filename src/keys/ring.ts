/** Keyrings: out of a host key, a recovery code, or both, with what was in use before. */
import type { Identity, Recipient } from '../age/keys.ts';
import { isCertified } from './certificate.ts';
import { derive } from './derive.ts';
import { isSignedBy } from './ed25519.ts';
import { type HostKey, identitiesOf, signingKeyOf } from './host-key.ts';
import type { Keyring, RecordSignature, Signer, Verdict } from './keyring.ts';
import type { RecoveryCode } from './recovery-code.ts';
import { type Retired, noneRetired } from './retired.ts';

const FOREVER = '9999-12-31T23:59:59.999Z';

/** Whose signatures are believed. */
interface Trusted {
  /** Public keys of recovery codes: what they certified, and what they signed themselves. */
  readonly certifiers: ReadonlySet<string>;
  /** Signing keys that this host has, or had. */
  readonly own: { readonly hostName: string; readonly keys: ReadonlySet<string> } | undefined;
  /** Until when, of those that were replaced. */
  readonly until: Retired['until'];
}

export function keyringOfHostKey(key: HostKey): Keyring {
  const signing = signingKeyOf(key);
  return {
    recipients: [key.recovery.recipient, ...(key.recipient ? [key.recipient] : [])],
    identities: [...identitiesOf(key), ...key.retired.identities],
    signer: {
      sign: (message) => ({
        key: signing.publicKey,
        signature: signing.sign(message),
        certificate: key.certificate,
      }),
    },
    signs: true,
    judge: judgeBy({
      certifiers: new Set([key.recovery.certifier, ...key.retired.certifiers]),
      own: { hostName: key.host, keys: new Set([signing.publicKey, ...key.retired.signers]) },
      until: key.retired.until,
    }),
  };
}

/**
 * Of a machine that has nothing but the code: what it adds to a repository, it signs with the certifying key itself.
 *
 * @param retired what the repository keeps for this code
 * @param recipients who besides the code can open what is added
 */
export function keyringOfRecoveryCode(
  code: RecoveryCode,
  retired: Retired = noneRetired,
  recipients: readonly Recipient[] = [],
): Keyring {
  const { identity, signing } = derive(code.secret);
  const signer: Signer = {
    sign: (message) => ({ key: signing.publicKey, signature: signing.sign(message), certificate: '' }),
  };
  return {
    recipients: distinct([identity.recipient, ...recipients]),
    identities: [identity, ...retired.identities],
    signer,
    signs: true,
    judge: judgeBy({
      certifiers: new Set([signing.publicKey, ...retired.certifiers]),
      own: undefined,
      until: retired.until,
    }),
  };
}

/** Whatever one of the two opens or vouches for; the first one signs, for its recipients. */
export function keyringOf(first: Keyring, second: Keyring): Keyring {
  return {
    recipients: first.recipients,
    identities: distinctIdentities([...first.identities, ...second.identities]),
    signer: first.signer ?? second.signer,
    signs: first.signs || second.signs,
    judge: (...given) => {
      const verdicts = [first.judge(...given), second.judge(...given)];
      // One of the two may not have heard that a key was replaced.
      const worst = (['wrong', 'late', 'trusted'] as const).find((one) => verdicts.includes(one));
      return worst ?? 'unknown';
    },
  };
}

function judgeBy({ certifiers, own, until }: Trusted): Keyring['judge'] {
  // A thousand records carry the same certificate.
  const vouchers = new Map<string, string>();
  const voucherOf = (hostName: string, { key, certificate }: RecordSignature): string | undefined => {
    const claim = `${hostName} ${key} ${certificate}`;
    const voucher =
      vouchers.get(claim) ?? [...certifiers].find((certifier) => isCertified(certifier, hostName, key, certificate));
    if (voucher !== undefined) vouchers.set(claim, voucher);
    return voucher;
  };
  return (hostName: string, message: Uint8Array, signature: RecordSignature, claimedMs: number): Verdict => {
    const { key } = signature;
    if (!isSignedBy(key, message, signature.signature)) return 'wrong';
    const isOwn = own?.hostName === hostName && own.keys.has(key);
    const voucher = isOwn || certifiers.has(key) ? key : voucherOf(hostName, signature);
    if (voucher === undefined) return 'unknown';
    const isLate = [key, voucher].some((one) => claimedMs > Date.parse(until[one] ?? FOREVER));
    return isLate ? 'late' : 'trusted';
  };
}

function distinct(recipients: readonly Recipient[]): Recipient[] {
  return [...new Map(recipients.map((recipient) => [recipient.text, recipient])).values()];
}

function distinctIdentities(identities: readonly Identity[]): Identity[] {
  return [...new Map(identities.map((identity) => [identity.recipient.text, identity])).values()];
}
