/** Images of containers: which are here whole, and bringing back what is not. */
import { type Gap, gapLines } from '../host/gap.ts';
import type { Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { captureContainers } from '../runtime/capture.ts';
import { captureImages, missingLayers } from '../runtime/images.ts';
import { pullReference, type StoredImage } from '../runtime/model/image.ts';
import { pullLayers } from '../runtime/podman/pull.ts';
import { table } from './output.ts';

export interface ImageState {
  readonly name: string;
  readonly id: string;
  readonly origin: StoredImage['origin'];
  /** How to pull exactly this one. */
  readonly reference?: string;
  readonly layers: number;
  /** Layers that are not there. */
  readonly missing: number;
  /** Layers that were brought back. */
  readonly brought: number;
  readonly bytes?: number;
  /** Why some could not be brought back. */
  readonly problem?: string;
}

export interface Images {
  readonly images: readonly ImageState[];
  readonly gaps: readonly Gap[];
}

/** @throws LifeboatError only what is not about one image */
export async function imagesOfHost(
  host: Host,
  { pull }: { readonly pull: boolean },
  signal: AbortSignal,
): Promise<Images> {
  const { containers, gaps } = await captureContainers(host, new Date(), signal, ['podman']);
  const { images, gaps: more } = await captureImages(host, containers, signal);
  const before = new Set(await missingLayers(host, images, signal));
  const problems = new Map<string, string>();
  for (const image of pull ? images : []) {
    // One that another image has brought meanwhile is there.
    const missing = await missingLayers(host, [image], signal);
    if (missing.length === 0) continue;
    try {
      await pullLayers(host, image, missing, signal);
    } catch (error) {
      throwIfAborted(signal);
      problems.set(image.id, asLifeboatError(error).message);
    }
  }
  const after = pull ? new Set(await missingLayers(host, images, signal)) : before;
  return {
    images: images.map((image) => stateOf(image, before, after, problems.get(image.id))),
    gaps: [...gaps, ...more],
  };
}

function stateOf(
  image: StoredImage,
  before: ReadonlySet<string>,
  after: ReadonlySet<string>,
  problem: string | undefined,
): ImageState {
  const { id, names, origin, layers } = image;
  const lacking = (missing: ReadonlySet<string>): number => layers.filter(({ path }) => missing.has(path)).length;
  const sizes = layers.flatMap(({ bytes }) => bytes ?? []);
  return {
    name: names[0] ?? id.slice(0, 12),
    id,
    origin,
    layers: layers.length,
    missing: lacking(after),
    brought: lacking(before) - lacking(after),
    ...present({
      reference: pullReference(image),
      bytes: sizes.length === layers.length ? sizes.reduce((sum, size) => sum + size, 0) : undefined,
      problem,
    }),
  };
}

export function imagesText({ images, gaps }: Images): string {
  if (images.length === 0)
    return ['No container here has an image that podman keeps in layers.', ...gapLines(gaps)].join('\n');
  const rows = images.map(({ name, origin, layers, missing, brought, bytes, problem }) => [
    printable(name),
    origin === 'registry' ? 'from a registry' : 'made here',
    bytes === undefined ? '-' : formatBytes(bytes),
    missing === 0 ? (brought === 0 ? 'whole' : 'whole again') : `${missing} of ${layers} layers MISSING`,
    printable(problem ?? ''),
  ]);
  return [
    table(['image', 'origin', 'size', 'state', ''], rows),
    ...(gaps.length === 0 ? [] : ['', ...gapLines(gaps)]),
  ].join('\n');
}
