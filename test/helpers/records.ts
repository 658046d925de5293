/** Records in the repository of a sandbox without keys, as an attacker or a newer lifeboat could write them. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { noKeys } from '../../src/keys/keyring.ts';
import { documentBytes, openDocument, sealDocument } from '../../src/point/envelope.ts';
import type { Sandbox } from './cli.ts';

export function recordKey(id: string): string {
  return `lifeboat/box/points/${id}.zst`;
}

/** Replaces the record of a point by what `change` makes of its JSON. */
export function editRecord(box: Pick<Sandbox, 'repository'>, id: string, change: (json: string) => string): void {
  edit(box, recordKey(id), change);
}

/** The same of what was captured with it, which the record then names. */
export function editCaptures(box: Pick<Sandbox, 'repository'>, id: string, change: (json: string) => string): void {
  const body = edit(box, `lifeboat/box/captures/${id}.zst`, change);
  editRecord(box, id, (json) => {
    const point = JSON.parse(json);
    const sha256 = createHash('sha256').update(body).digest('hex');
    return JSON.stringify({ ...point, captures: { ...point.captures, size: body.length, sha256 } });
  });
}

function edit({ repository }: Pick<Sandbox, 'repository'>, key: string, change: (json: string) => string): Buffer {
  const path = join(repository, key);
  const document: object = JSON.parse(change(openDocument(noKeys, key, readFileSync(path)).toString('utf8')));
  writeFileSync(path, sealDocument(noKeys, key, document));
  return documentBytes(document);
}
