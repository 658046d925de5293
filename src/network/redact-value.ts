import { REDACTED, Secret } from '../kernel/secret.ts';

/** A key as a file's name: it tells where a key is, not what it is. */
const isPath = (value: string): boolean => /^(?:file:\/\/)?\/[\w./@+-]+$/.test(value.replace(/^["']|["']$/g, ''));

/** What stands in the place of a secret value; the value itself where it is empty or only names a file. */
export function replaced(value: string): string {
  const bare = value.trim().replace(/^["']|["'];?$/g, '');
  if (bare === '' || isPath(bare)) return value;
  // Known from here on: a recording or a log of this process will not show it either.
  if (bare.length >= 8 && bare !== REDACTED) void new Secret(bare);
  return REDACTED;
}
