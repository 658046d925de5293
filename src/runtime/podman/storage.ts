/** The images in a storage of podman, out of its own files: podman itself does not say where an image came from. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { present } from '../../kernel/present.ts';
import type { StoredImage } from '../model/image.ts';

const layerSchema = z.object({
  id: z.string(),
  parent: z.string().nullish(),
  'diff-size': z.number().nullish(),
  /** How it was packed when it came here; absent or 0 for one that was made here, or came as it is. */
  compression: z.number().nullish(),
});

type Layer = z.infer<typeof layerSchema>;

const imagesSchema = z.array(
  z.object({
    id: z.string(),
    digest: z.string().nullish(),
    names: z.array(z.string()).nullish(),
    'names-history': z.array(z.string()).nullish(),
    /** The uppermost. */
    layer: z.string().nullish(),
  }),
);

/**
 * @param images `overlay-images/images.json`
 * @param layers `overlay-layers/layers.json`
 * @throws Error for what is neither
 */
export function parseImages(storage: string, images: string, layers: string): StoredImage[] {
  const byId = new Map(
    z
      .array(layerSchema)
      .parse(JSON.parse(layers))
      .map((layer) => [layer.id, layer]),
  );
  return imagesSchema.parse(JSON.parse(images)).map((image) => {
    const chain: Layer[] = [];
    for (let layer = byId.get(image.layer ?? ''); layer !== undefined; layer = byId.get(layer.parent ?? '')) {
      // A parent that leads back to its child is none.
      if (chain.includes(layer)) break;
      chain.push(layer);
    }
    const names = image.names?.length ? image.names : (image['names-history'] ?? []);
    const fromRegistry = names.filter((name) => !name.startsWith('localhost/'));
    // Registries hold layers compressed, and what is built here is not. An image that was built and then pushed has another digest there.
    const wasPulled =
      !!image.digest &&
      fromRegistry.length > 0 &&
      chain.length > 0 &&
      chain.every(({ compression }) => (compression ?? 0) > 0);
    return {
      id: image.id,
      names: wasPulled ? fromRegistry : names,
      origin: wasPulled ? ('registry' as const) : ('local' as const),
      storage,
      layers: chain.map((layer) => ({
        id: layer.id,
        path: `${storage}/overlay/${layer.id}/diff`,
        ...present({ bytes: layer['diff-size'] ?? undefined }),
      })),
      ...present({ digest: image.digest || undefined }),
    };
  });
}

/** None for a storage of another driver, whose layers nothing says how to bring back. */
export async function storedImages(asker: Asker, storage: string): Promise<readonly StoredImage[]> {
  const file = (path: string): Promise<string | undefined> =>
    asker.file(`${storage}/${path}`, (text) => text, { mayBeAbsent: true });
  const [images, layers] = await Promise.all([file('overlay-images/images.json'), file('overlay-layers/layers.json')]);
  if (images === undefined || layers === undefined) return [];
  try {
    return parseImages(storage, images, layers);
  } catch {
    asker.gap({ subject: `images in ${storage}`, problem: 'what its files say is not understood' });
    return [];
  }
}
