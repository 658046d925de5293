/** Records in the repository of a sandbox without keys, as an attacker or a newer lifeboat could write them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noKeys } from '../../src/keys/keyring.ts';
import { openDocument, sealDocument } from '../../src/point/envelope.ts';
import type { Sandbox } from './cli.ts';

export function recordKey(id: string): string {
  return `lifeboat/box/points/${id}.zst`;
}

/** Replaces the record of a point by what `change` makes of its JSON. */
export function editRecord(box: Pick<Sandbox, 'repository'>, id: string, change: (json: string) => string): void {
  const key = recordKey(id);
  const path = join(box.repository, key);
  const document: object = JSON.parse(change(openDocument(noKeys, key, readFileSync(path)).toString('utf8')));
  writeFileSync(path, sealDocument(noKeys, key, document));
}
