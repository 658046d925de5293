/** A file of configuration as it has to be for other cards: what identifies a card, and names, are replaced, and nothing else. */
import { createHash } from 'node:crypto';
import { redactConfig } from '../../redact.ts';
import type { PlannedFile } from '../document.ts';
import { identified } from './formats.ts';
import type { Identities } from './identities.ts';
import { renamedPath, renamer } from './names.ts';

/** As many lines come out as went in. */
export function rewritten(path: string, content: string, identities: Identities): string {
  const rename = renamer(identities.names);
  return identified(path, content, identities).split('\n').map(rename).join('\n');
}

/** Of the content without its secrets: of a short secret, it could be guessed from the digest of all. */
export const contentDigest = (path: string, content: string): string =>
  createHash('sha256').update(redactConfig(path, content)).digest('hex');

/** What becomes of a file; `undefined` where nothing does. */
export function plannedFile(path: string, content: string, identities: Identities): PlannedFile | undefined {
  const now = rewritten(path, content, identities);
  const renamedTo = renamedPath(path, identities.names);
  if (now === content && renamedTo === path) return undefined;
  const [old, then] = [redactConfig(path, content).split('\n'), redactConfig(path, now).split('\n')];
  return {
    path,
    ...(renamedTo === path ? {} : { renamedTo }),
    before: contentDigest(path, content),
    after: contentDigest(renamedTo, now),
    lines: old.flatMap((was, index) => {
      const is = then[index] ?? '';
      return was === is ? [] : [{ line: index + 1, was, is }];
    }),
  };
}
