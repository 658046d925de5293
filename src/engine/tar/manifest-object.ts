/** A stored manifest, read back and checked against the hash that the point holds. */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Target } from '../../target/target.ts';
import type { Entry } from '../entry.ts';
import { manifestEntries } from './manifest.ts';
import type { StoredObject } from './stored.ts';

export interface Manifest {
  /** Can be read again and again. */
  entries(): AsyncIterable<Entry>;
}

/** Holds the compressed bytes in memory. @throws LifeboatError `archive-damaged`, `not-found` */
export async function readManifest(target: Target, stored: StoredObject, signal: AbortSignal): Promise<Manifest> {
  const sha = createHash('sha256');
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of target.get(stored.key, undefined, signal)) {
    size += chunk.length;
    if (size > stored.size) break;
    sha.update(chunk);
    chunks.push(chunk);
  }
  if (size !== stored.size || sha.digest('hex') !== stored.sha256) {
    throw new LifeboatError('archive-damaged', `the manifest ${stored.key} at ${target.url} is not what was stored`);
  }
  return {
    entries: () =>
      manifestEntries(
        (async function* () {
          yield* chunks;
        })(),
      ),
  };
}
