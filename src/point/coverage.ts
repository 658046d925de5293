/** What a backup of files holds of a host, and what it does not, each with the reason: everything on the host is in it. */
import { z } from 'zod';
import { missing, type Verdict } from '../layout/handler.ts';
import { type Component, handlerOf, kindSchema, type Layout } from '../layout/types.ts';
import { orByImage } from './image.ts';
import { isSnapshot, type Subvolume } from './domains.ts';
import { type Graph, type Judge, judgeOf, rank, type Selection, shownBy } from './judge.ts';

export const coverageItemSchema = z.object({
  /** Id of the component of the layout. */
  id: z.string().exactOptional(),
  /** A path, or a device where there is no path. */
  subject: z.string(),
  /** Of the component, or whose disk or directory it is. */
  kind: z.union([kindSchema, z.enum(['guest', 'container'])]),
  /** Used bytes where known, else the size. */
  bytes: z.number().exactOptional(),
  state: z.enum(['covered', 'partly', 'not-covered']),
  reason: z.string(),
  /** Nothing that anybody would miss: memory, swap, an empty disk. For who counts what is missing. */
  harmless: z.boolean(),
});

export type CoverageItem = z.infer<typeof coverageItemSchema>;

/** A guest or container, and the places that its data is in. */
export interface Workload {
  readonly kind: 'guest' | 'container';
  readonly name: string;
  readonly places: readonly Place[];
}

export interface Place {
  /** As its manager names it. */
  readonly name: string;
  /** Where that leads, without symbolic links. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'device' | 'absent' | 'elsewhere' | 'unknown';
  readonly bytes?: number;
}

/** One item for each component of the layout but for the boot, and one for each place of a workload. */
export function coverage(layout: Layout, selection: Selection, workloads: readonly Workload[] = []): CoverageItem[] {
  const graph = graphOf(layout);
  const judge = judgeOf(layout, selection, graph);
  const verdicts = new Map<string, Verdict>();
  for (const component of layout.components) {
    if (component.kind === 'mount')
      verdicts.set(component.id, orByImage(judge.mount(component), component, graph, judge));
  }
  for (const component of layout.components) {
    if (component.kind === 'subvolume')
      verdicts.set(component.id, orByImage(judge.subvolume(component, verdicts), component, graph, judge));
  }
  const items = layout.components.flatMap((component): CoverageItem[] => {
    const found = verdicts.get(component.id) ?? deviceVerdict(component, graph, verdicts);
    if (found === undefined) return [];
    const verdict = orByImage(found, component, graph, judge);
    const bytes = bytesOf(component, graph);
    return [
      {
        id: component.id,
        subject: nameOf(component, graph),
        kind: component.kind,
        ...(bytes === undefined ? {} : { bytes }),
        ...verdict,
      },
    ];
  });
  return [...items, ...workloads.flatMap((workload) => workloadItems(workload, judge))];
}

export function graphOf({ components }: Layout): Graph {
  const above = new Map<string, Component[]>();
  for (const component of components) {
    for (const id of component.on) {
      const known = above.get(id);
      if (known === undefined) above.set(id, [component]);
      else known.push(component);
    }
  }
  return { byId: new Map(components.map((component) => [component.id, component])), above };
}

/** What is no mount: judged by its kind, else by the mounts on it. */
function deviceVerdict(
  component: Component,
  graph: Graph,
  verdicts: ReadonlyMap<string, Verdict>,
): Verdict | undefined {
  const above = graph.above.get(component.id) ?? [];
  const shown = shownBy(above, '/', verdicts);
  const subvolumes = above.filter((one): one is Subvolume => one.kind === 'subvolume');
  const mounted = shown.length > 0 || subvolumes.length > 0;
  const own = handlerOf(component).coverage(component, { mounted, carrying: above.length > 0 });
  if (own !== undefined) return own;
  if (subvolumes.length > 0) return poolVerdict(shown, subvolumes, verdicts);
  if (shown.length > 0) return shown.toSorted((a, b) => rank(a) - rank(b))[0];
  return above.length === 0
    ? undefined
    : {
        state: 'covered',
        reason: 'made anew out of the layout; what stands on it is listed by itself',
        harmless: true,
      };
}

/** A filesystem with subvolumes is held when each of them is, and what lies directly at its top. */
function poolVerdict(
  top: readonly Verdict[],
  subvolumes: readonly Subvolume[],
  verdicts: ReadonlyMap<string, Verdict>,
): Verdict {
  const atTop = top.toSorted((a, b) => rank(a) - rank(b))[0] ?? {
    state: 'partly',
    reason: 'files directly at its top, if there are any, are not seen: no mount shows it',
    harmless: true,
  };
  const parts = subvolumes
    .filter((subvolume) => !isSnapshot(subvolume))
    .flatMap(({ id, path }) => {
      const verdict = verdicts.get(id);
      return verdict === undefined ? [] : [{ ...verdict, reason: `${path}: ${verdict.reason}` }];
    });
  const all = [...parts, atTop];
  const lacking = all.filter(({ state }) => state !== 'covered');
  if (lacking.length === 0) return { state: 'covered', reason: 'all its subvolumes are', harmless: true };
  const some = all.some(({ state, harmless }) => state === 'covered' || (state === 'partly' && !harmless));
  return {
    state: some ? 'partly' : 'not-covered',
    reason: lacking.map(({ reason }) => reason).join('; '),
    harmless: lacking.every(({ harmless }) => harmless),
  };
}

function workloadItems({ kind, name, places }: Workload, judge: Judge): CoverageItem[] {
  return places.map((place) => ({
    id: `${kind}:${name}:${place.name}`,
    subject: `${name}: ${place.name}`,
    kind,
    ...(place.bytes === undefined ? {} : { bytes: place.bytes }),
    ...placeVerdict(place, judge),
  }));
}

/** What a backup holds of a place, wherever that leads. */
export function placeVerdict({ path, name, type }: Place, judge: Judge): Verdict {
  switch (type) {
    case 'device':
      return missing('a block device: a backup of files does not read it');
    case 'absent':
      return missing('it is not there');
    case 'elsewhere':
      return missing('it is not among the files of this host');
    case 'unknown':
      return missing('nobody could look at it');
    case 'file':
    case 'directory': {
      const verdict = judge.path(path, type);
      return path === name ? verdict : { ...verdict, reason: `it is at ${path}: ${verdict.reason}` };
    }
  }
}

function bytesOf(component: Component, { byId }: Graph): number | undefined {
  if (component.kind === 'mount') {
    if (component.hidden === true || !component.mounted) return undefined;
    if (component.usedBytes !== undefined) return component.usedBytes;
    const under = component.on.map((id) => byId.get(id)).find((found) => found !== undefined);
    return under !== undefined && 'usedBytes' in under ? under.usedBytes : undefined;
  }
  const used = 'usedBytes' in component ? component.usedBytes : undefined;
  return used ?? ('sizeBytes' in component ? component.sizeBytes : undefined);
}

function nameOf(component: Component, graph: Graph): string {
  if (component.kind === 'mount') return component.path;
  if (component.kind === 'subvolume') return component.path;
  if (component.kind === 'swap' && component.file !== undefined) return component.file;
  if (component.kind === 'loop') return component.file;
  if ('device' in component && component.device !== undefined) return component.device;
  const under = component.on.map((id) => graph.byId.get(id)).find((found) => found !== undefined);
  return under === undefined || under.kind === 'mount' ? component.id : nameOf(under, graph);
}
