/** Images that lie in the storages of containers. */
import { asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import type { Gap } from '../host/gap.ts';
import type { Host } from '../host/host.ts';
import { inParallel } from '../kernel/parallel.ts';
import type { Container } from './model/container.ts';
import type { StoredImage } from './model/image.ts';
import { runtimes } from './runtimes.ts';

/** @throws LifeboatError only what aborted `signal` */
export async function captureImages(
  host: Host,
  containers: readonly Container[],
  signal: AbortSignal,
): Promise<{ readonly images: readonly StoredImage[]; readonly gaps: readonly Gap[] }> {
  const questions = bounded(asker(host, signal));
  const places = Object.values(runtimes).flatMap((runtime) => {
    const own = containers.filter((container) => container.runtime === runtime.name);
    return [...new Set(own.flatMap(({ storage = [] }) => storage))].map((storage) => ({ runtime, storage }));
  });
  const found = await inParallel(places, 4, async ({ runtime, storage }) => runtime.images?.(questions, storage) ?? []);
  return { images: found.flat(), gaps: questions.gaps };
}

/** So many paths fit into one command. */
const atOnce = 500;

/**
 * Paths of layers that the runtime knows and whose files are not there, as after a recovery from a point that only listed them.
 *
 * @throws LifeboatError `command-failed`, `command-timeout`
 */
export async function missingLayers(
  host: Host,
  images: readonly StoredImage[],
  signal: AbortSignal,
): Promise<string[]> {
  const all = [...new Set(images.flatMap(({ layers }) => layers.map(({ path }) => path)))];
  const missing: string[] = [];
  for (let from = 0; from < all.length; from += atOnce) {
    const some = all.slice(from, from + atOnce);
    const argv = ['find', ...some, '-maxdepth', '0', '-printf', '%p\\0'] as const;
    const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
    const there = new Set(stdout.toString().split('\0'));
    missing.push(...some.filter((path) => !there.has(path)));
  }
  return missing;
}
