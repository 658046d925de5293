/** An image as it lies in the storage of a runtime, whether a container uses it or not. */
import { z } from 'zod';
import { imageOrigins } from './storage.ts';

const layerSchema = z.object({
  id: z.string(),
  /** Directory of its files. */
  path: z.string(),
  /** Of its files, as the runtime has counted them. */
  bytes: z.number().int().nonnegative().exactOptional(),
});

export const storedImageSchema = z.object({
  /** SHA-256 of its configuration, in hex without a prefix. */
  id: z.string(),
  /** As it is called, or was where it has lost its names. */
  names: z.array(z.string()),
  /** Of its manifest, `sha256:…`. */
  digest: z.string().exactOptional(),
  origin: z.enum(imageOrigins),
  /** The storage that it is in. */
  storage: z.string(),
  /** The uppermost first. */
  layers: z.array(layerSchema),
});

export type StoredImage = z.infer<typeof storedImageSchema>;

/** How to ask a registry for exactly this image; `undefined` for one that no registry has. */
export function pullReference({ names, digest, origin }: StoredImage): string | undefined {
  const [name] = names;
  if (origin !== 'registry' || name === undefined || digest === undefined) return undefined;
  return `${name.replace(/@.*$/, '').replace(/:[^/:]*$/, '')}@${digest}`;
}

/** Directories of layers that can be had again by pulling. One that an image made here stands on is not among them. */
export function layersToPull(images: readonly StoredImage[]): string[] {
  const needed = new Set(
    images.filter(({ origin }) => origin === 'local').flatMap(({ layers }) => layers.map(({ path }) => path)),
  );
  const all = images.flatMap(({ layers }) => layers.map(({ path }) => path));
  return [...new Set(all)].filter((path) => !needed.has(path)).sort();
}
