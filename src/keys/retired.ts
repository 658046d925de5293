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
}

export const noneRetired: Retired = { identities: [], certifiers: [], signers: [] };

export const retiredSchema = z.object({
  identities: z.array(z.string()),
  certifiers: z.array(z.string()),
  signers: z.array(z.string()),
});

export function parseRetired(stored: z.infer<typeof retiredSchema>): Retired {
  return { ...stored, identities: stored.identities.map(parseIdentity) };
}

/** With secrets in it: only for a file that its owner alone can read, or for what is sealed. */
export function retiredJson({ identities, certifiers, signers }: Retired): z.infer<typeof retiredSchema> {
  return { identities: identities.map(identityText), certifiers: [...certifiers], signers: [...signers] };
}

export function withRetired(a: Retired, b: Retired): Retired {
  const identities = new Map([...a.identities, ...b.identities].map((one) => [one.recipient.text, one]));
  return {
    identities: [...identities.values()],
    certifiers: [...new Set([...a.certifiers, ...b.certifiers])],
    signers: [...new Set([...a.signers, ...b.signers])],
  };
}
