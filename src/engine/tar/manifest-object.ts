/** Manifests as objects of a target: read back, and checked against the hash that the point holds. */
import { createHash } from 'node:crypto';
import { decrypting } from '../../age/age.ts';
import type { Sealing } from '../../age/keys.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Json } from '../../kernel/json.ts';
import type { Target } from '../../target/target.ts';
import { manifestDescription, type ManifestEntry, manifestEntries, type ManifestTrailer } from './manifest.ts';
import { isSealed, type StoredObject } from './stored.ts';

export interface Manifest {
  /** Can be read again and again; ends with the trailer. */
  entries(): AsyncGenerator<ManifestEntry, ManifestTrailer>;
  /** {@link entries}, many at once. */
  batches(): AsyncGenerator<readonly ManifestEntry[], ManifestTrailer>;
  /** That of the point. */
  description(): Promise<Json>;
  /** Reads all of it. */
  trailer(): Promise<ManifestTrailer>;
}

/** Of so many entries what was read once is kept: a restore asks for it several times. More are read again each time. */
const keptEntries = 100_000;

type Reading = AsyncIterator<readonly ManifestEntry[], ManifestTrailer>;

/** A manifest that is held in memory, compressed. */
export function manifestOf(compressed: readonly Uint8Array[]): Manifest {
  let kept: { readonly batches: readonly (readonly ManifestEntry[])[]; readonly trailer: ManifestTrailer } | undefined;
  async function* bytes(): AsyncIterable<Uint8Array> {
    yield* compressed;
  }
  async function* batches(): AsyncGenerator<readonly ManifestEntry[], ManifestTrailer> {
    if (kept !== undefined) {
      yield* kept.batches;
      return kept.trailer;
    }
    const reading: Reading = manifestEntries(bytes());
    const read: (readonly ManifestEntry[])[] = [];
    let count = 0;
    try {
      for (;;) {
        const { done, value } = await reading.next();
        if (done === true) {
          if (count <= keptEntries) kept = { batches: read, trailer: value };
          return value;
        }
        count += value.length;
        if (count <= keptEntries) read.push(value);
        else read.length = 0;
        yield value;
      }
    } finally {
      await reading.return?.();
    }
  }
  return {
    async *entries() {
      const reading: Reading = batches();
      try {
        for (;;) {
          const { done, value } = await reading.next();
          if (done === true) return value;
          yield* value;
        }
      } finally {
        await reading.return?.();
      }
    },
    batches,
    description: () => manifestDescription(bytes()),
    async trailer() {
      const reading = batches();
      for (;;) {
        const { done, value } = await reading.next();
        if (done === true) return value;
      }
    },
  };
}

/**
 * Holds the compressed bytes in memory.
 *
 * @throws LifeboatError `archive-damaged`, `not-found`, `no-key` when it is encrypted and no identity opens it
 */
export async function readManifest(
  { target, sealing }: { readonly target: Target; readonly sealing: Sealing },
  stored: StoredObject,
  signal: AbortSignal,
): Promise<Manifest> {
  const bytes = await readChecked(target, stored, signal);
  if (!isSealed(stored)) return manifestOf(bytes);
  async function* sealed(): AsyncIterable<Uint8Array> {
    yield* bytes;
  }
  return manifestOf(await Array.fromAsync(decrypting(sealed(), sealing.identities)));
}

/** The stored bytes of a manifest, if they are what was stored. @throws LifeboatError `archive-damaged`, `not-found` */
export async function readChecked(target: Target, stored: StoredObject, signal: AbortSignal): Promise<Uint8Array[]> {
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
  return chunks;
}
