/** Finds secrets in a configuration: they do not belong there, and no message may repeat them. */
import type { Document } from 'yaml';
import { type KeyPath, scalarsOf } from './place.ts';
import { stepSections } from './schema.ts';

export interface FoundSecret {
  readonly path: KeyPath;
  readonly offset: number;
  readonly what: string;
}

const secretKey =
  /(pass(word|phrase|wd)?|secret|token|credentials?|(private|secret|access|api).?key|recovery.?code)s?$/i;
const passwordInUrl = /[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:[^\s@]+@/i;
const secretInQuery = /[?&;][^=&\s]*(pass(word)?|secret|token|signature|(api|access).?key)=[^&\s]/i;

export const whereSecretsBelong =
  'Keep secrets in a file that only root can read, in an environment variable or in a systemd credential.';

/** Keys that name a secret, and URLs that hold one. */
export function secretsIn(document: Document): readonly FoundSecret[] {
  const found: FoundSecret[] = [];
  for (const { path, value, offset, isKey } of scalarsOf(document)) {
    if (typeof value !== 'string') continue;
    if (isKey) {
      const ofStep = path.length === 2 && stepSections.includes(String(path[0]));
      if (!ofStep && secretKey.test(value)) {
        found.push({ path, offset, what: 'looks like a secret, and no secret belongs in this file' });
      }
    } else if (passwordInUrl.test(value) || secretInQuery.test(value)) {
      found.push({ path, offset, what: 'holds a password, and no secret belongs in this file' });
    }
  }
  return found;
}
