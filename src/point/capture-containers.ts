/** Containers and images of a host, as they are put on record with a point. */
import type { Gap } from '../host/gap.ts';
import type { Host } from '../host/host.ts';
import { captureContainers } from '../runtime/capture.ts';
import { withChanges } from '../runtime/changes.ts';
import { withoutSecrets } from '../runtime/hidden.ts';
import { captureImages } from '../runtime/images.ts';
import { type CapturedContainers, containerData } from './containers.ts';
import { locate } from './workloads.ts';

/**
 * No secret is in it: it lies in journals and is printed. What was left out of it is in the files of the runtimes.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureForPoint(
  host: Host,
  now: Date,
  signal: AbortSignal,
): Promise<{ readonly containers: CapturedContainers; readonly gaps: readonly Gap[] }> {
  const seen = await captureContainers(host, now, signal);
  const { containers, gaps } = await withChanges(host, seen.containers, signal);
  const { images, gaps: more } = await captureImages(host, containers, signal);
  const data = await locate(containerData(containers), host, signal);
  const there = [...data.values()].filter(({ type }) => type === 'directory' || type === 'file');
  return {
    containers: {
      containers: containers.map(withoutSecrets),
      images: [...images],
      data: [...new Set(there.map(({ path }) => path))].sort(),
    },
    gaps: [...seen.gaps, ...gaps, ...more],
  };
}
