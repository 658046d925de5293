/** What a backup holds of each container: its definition, what it has changed, what is mounted into it, its image. */
import { missing, type Verdict } from '../layout/handler.ts';
import type { Layout } from '../layout/types.ts';
import type { Container } from '../runtime/model/container.ts';
import { pullReference, type StoredImage } from '../runtime/model/image.ts';
import { holdsData, ownRoot } from '../runtime/model/storage.ts';
import { type CapturedContainers, hasFiles } from './containers.ts';
import { type CoverageItem, graphOf, type Place, placeVerdict } from './coverage.ts';
import { judgeOf, rank, type Selection } from './judge.ts';

/** Every path that has to be looked at for {@link containerCoverage}. */
export function containerPlaces({ containers, images }: Pick<CapturedContainers, 'containers' | 'images'>): string[] {
  const paths = containers
    .filter(hasFiles)
    .flatMap((container) => [
      ...definitionPaths(container),
      ...[ownRoot(container.rootfs)].filter((path) => path !== undefined),
      ...container.mounts.filter(holdsData).flatMap(({ source }) => source ?? []),
      ...(container.image?.layers ?? []),
    ]);
  const layers = images.flatMap((image) => image.layers.map(({ path }) => path));
  return [...new Set([...paths, ...layers])].filter((path) => path.startsWith('/'));
}

/**
 * @param selection with what is kept for containers, and the layers that are left out
 * @param located by path, of {@link containerPlaces}
 */
export function containerCoverage(
  layout: Layout,
  selection: Selection,
  { containers, images }: Pick<CapturedContainers, 'containers' | 'images'>,
  located: ReadonlyMap<string, Place>,
): CoverageItem[] {
  const judge = judgeOf(layout, selection, graphOf(layout));
  const left = new Set(selection.imageLayers);
  const byId = new Map(images.map((image) => [image.id, image]));
  return containers.filter(hasFiles).flatMap((container) => {
    const { name, runtime } = container;
    const item = (what: string, verdict: Verdict, bytes?: number): CoverageItem => ({
      id: `container:${runtime}:${name}:${what}`,
      subject: `${name}: ${what}`,
      kind: 'container',
      ...(bytes === undefined ? {} : { bytes }),
      ...verdict,
    });
    const at = (path: string): Verdict =>
      placeVerdict(located.get(path) ?? { name: path, path, type: 'elsewhere' }, judge);
    const own = ownRoot(container.rootfs);
    const image = imageVerdict(container, byId.get(container.image?.id ?? ''), left, at);
    return [
      item('definition', worst(definitionPaths(container).map(at)) ?? missing('where it is defined is not known')),
      item('changed files', own === undefined ? missing('where its files lie is not known') : at(own)),
      ...container.mounts.filter(holdsData).map(({ kind, name: volume, source, destination }) => {
        const what = kind === 'volume' ? `volume ${volume ?? destination}` : `${source ?? '?'} at ${destination}`;
        return item(what, source === undefined ? missing('where it lies is not known') : at(source));
      }),
      ...(image === undefined ? [] : [item(`image ${image.name}`, image.verdict, image.bytes)]),
    ];
  });
}

function definitionPaths({ definedBy, storage = [] }: Container): string[] {
  return [...new Set([...definedBy.flatMap(({ paths }) => paths), ...storage])];
}

function worst(verdicts: readonly Verdict[]): Verdict | undefined {
  return verdicts.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** @returns nothing for a container that has no image */
function imageVerdict(
  { image, storage = [] }: Container,
  stored: StoredImage | undefined,
  left: ReadonlySet<string>,
  at: (path: string) => Verdict,
): { readonly name: string; readonly verdict: Verdict; readonly bytes?: number } | undefined {
  if (image === undefined) return undefined;
  const name = image.reference ?? image.id?.slice(0, 12) ?? image.digest ?? '?';
  if (stored === undefined) {
    const paths = image.layers ?? storage;
    return { name, verdict: worst(paths.map(at)) ?? missing('where its layers lie is not known') };
  }
  const all = stored.layers.map(({ path }) => path);
  const sizes = stored.layers.flatMap(({ bytes }) => bytes ?? []);
  const bytes = sizes.length === all.length ? sizes.reduce((sum, size) => sum + size, 0) : undefined;
  const more = bytes === undefined ? {} : { bytes };
  const leftOut = all.filter((path) => left.has(path));
  const copied = worst(all.filter((path) => !left.has(path)).map(at));
  const pull = pullReference(stored);
  if (leftOut.length === 0) {
    const verdict = copied ?? missing('it has no layers');
    const where = pull === undefined ? 'no registry is known to have it' : `also to be had as ${pull}`;
    return { name, verdict: { ...verdict, reason: `${where}; its layers: ${verdict.reason}` }, ...more };
  }
  // Of an image made here every layer is copied, also those that it stands on.
  const reason = `listed, not copied (backup.containerImages is local): it can be pulled again as ${pull}; "lifeboat container images --pull" does that`;
  if (copied !== undefined && copied.state !== 'covered' && !copied.harmless) return { name, verdict: copied, ...more };
  return { name, verdict: { state: 'not-covered', reason, harmless: true }, ...more };
}
