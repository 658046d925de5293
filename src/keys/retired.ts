/** What was in use before a rotation: still needed to read what was stored then. */
import { z } from 'zod';
import { identityText, parseIdentity } from '../age/age.ts';
import type { Identity } from '../age/keys.ts';

export interface Retired {
  /** Open what was sealed then. */
  readonly identities: readonly Identity[];
  /** Certifying keys of older recovery codes, in base64. */
  readonly certifiers: readonly string[];
  /** Older signing keys of the host, in base64. */
  readonly signers: readonly string[];
  /** When each of these certifiers and signers was replaced: what they sign is believed if it claims to be no newer. */
  readonly until: Readonly<Record<string, string>>;
}

export const noneRetired: Retired = { identities: [], certifiers: [], signers: [], until: {} };

export const retiredSchema = z.object({
  identities: z.array(z.string()),
  certifiers: z.array(z.string()),
  signers: z.array(z.string()),
  until: z.record(z.string(), z.iso.datetime()).default({}),
});

export function parseRetired(stored: z.infer<typeof retiredSchema>): Retired {
  return { ...stored, identities: stored.identities.map(parseIdentity) };
}

/** With secrets in it: only for a file that its owner alone can read, or for what is sealed. */
export function retiredJson({ identities, certifiers, signers, until }: Retired): z.infer<typeof retiredSchema> {
  return {
    identities: identities.map(identityText),
    certifiers: [...certifiers],
    signers: [...signers],
    until: { ...until },
  };
}

/** Of a key that both say was replaced, the first one's time counts. */
export function withRetired(a: Retired, b: Retired): Retired {
  const identities = new Map([...a.identities, ...b.identities].map((one) => [one.recipient.text, one]));
  return {
    identities: [...identities.values()],
    certifiers: [...new Set([...a.certifiers, ...b.certifiers])],
    signers: [...new Set([...a.signers, ...b.signers])],
    until: { ...b.until, ...a.until },
  };
}

/** Keys that are replaced now. */
export function retiredNow(replaced: Partial<Omit<Retired, 'until'>>, now: Date): Retired {
  const keys = [...(replaced.certifiers ?? []), ...(replaced.signers ?? [])];
  return { ...noneRetired, ...replaced, until: Object.fromEntries(keys.map((key) => [key, now.toISOString()])) };
}
