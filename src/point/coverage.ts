/** What a backup of files holds of a host, and what it does not, each with the reason: everything on the host is in it. */
import { z } from 'zod';
import { harmless, missing, type Verdict } from '../layout/handler.ts';
import { isWithin } from '../layout/mount-place.ts';
import { type Component, type ComponentOf, handlerOf, kindSchema, type Layout } from '../layout/types.ts';
import { joined, matcher, normalised, relativeRoot, upwards } from './paths.ts';

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

export interface Selection {
  /** Absolute paths, each followed within its own filesystem only, as by GNU tar's `--one-file-system`. */
  readonly include: readonly string[];
  /**
   * Patterns as GNU tar reads them: `*` and `?` match also `/`; what begins with `/` is a whole path, anything else
   * matches after any `/`; what lies below an excluded directory is excluded.
   */
  readonly exclude: readonly string[];
}

/** A guest or container, and the paths or devices where its data lies. */
export interface Workload {
  readonly kind: 'guest' | 'container';
  readonly name: string;
  readonly places: readonly string[];
}

type Mount = ComponentOf<'mount'>;
type Subvolume = ComponentOf<'subvolume'>;

/** A directory below which the walk stays on one device: that of a mount, or of a subvolume that is seen in one. */
interface Domain {
  readonly path: string;
  readonly mount: Mount;
  readonly subvolume?: Subvolume;
}

/** One item for each component of the layout but for the boot, and one for each place of a workload. */
export function coverage(layout: Layout, selection: Selection, workloads: readonly Workload[] = []): CoverageItem[] {
  const graph = graphOf(layout);
  const judge = judgeOf(layout, selection, graph);
  const verdicts = new Map<string, Verdict>();
  for (const component of layout.components) {
    if (component.kind === 'mount') verdicts.set(component.id, judge.mount(component));
  }
  for (const component of layout.components) {
    if (component.kind === 'subvolume') verdicts.set(component.id, judge.subvolume(component, verdicts));
  }
  const items = layout.components.flatMap((component): CoverageItem[] => {
    const verdict = verdicts.get(component.id) ?? deviceVerdict(component, graph, verdicts);
    if (verdict === undefined) return [];
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
  return [...items, ...workloads.flatMap((workload) => workloadItems(workload, judge, layout))];
}

interface Graph {
  readonly byId: ReadonlyMap<string, Component>;
  /** What stands on a component, by its id. */
  readonly above: ReadonlyMap<string, readonly Component[]>;
}

function graphOf({ components }: Layout): Graph {
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

/** What is no mount: judged by the mounts on it, else by its kind. */
function deviceVerdict(
  component: Component,
  graph: Graph,
  verdicts: ReadonlyMap<string, Verdict>,
): Verdict | undefined {
  const above = graph.above.get(component.id) ?? [];
  const shown = above.flatMap((one) => {
    const verdict = verdicts.get(one.id);
    return verdict === undefined || (one.kind === 'mount' && !one.mounted) ? [] : [{ one, verdict }];
  });
  const own = handlerOf(component).coverage(component, { mounted: shown.length > 0, carrying: above.length > 0 });
  if (own !== undefined) return own;
  const best = shown.toSorted((a, b) => rank(a.verdict) - rank(b.verdict))[0];
  if (best !== undefined) {
    return { ...best.verdict, reason: `${nameOf(best.one, graph)}: ${best.verdict.reason}` };
  }
  return above.length === 0
    ? undefined
    : {
        state: 'covered',
        reason: 'made anew out of the layout; what stands on it is listed by itself',
        harmless: true,
      };
}

function rank({ state, harmless: unimportant }: Verdict): number {
  return { covered: 0, partly: 1, 'not-covered': unimportant ? 3 : 2 }[state];
}

/** A path is judged where it lies; a device is of no use to a backup of files, and what is elsewhere even less. */
function workloadItems(workload: Workload, judge: Judge, layout: Layout): CoverageItem[] {
  return workload.places.map((place) => {
    const device = layout.components.find((one) => 'device' in one && one.device === place);
    const bytes = device !== undefined && 'sizeBytes' in device ? device.sizeBytes : undefined;
    return {
      ...(device === undefined ? {} : { id: `${workload.kind}:${workload.name}:${device.id}` }),
      subject: `${workload.name}: ${place}`,
      kind: workload.kind,
      ...(bytes === undefined ? {} : { bytes }),
      ...placeVerdict(place, device !== undefined, judge),
    };
  });
}

function placeVerdict(place: string, isDevice: boolean, judge: Judge): Verdict {
  if (isDevice || place.startsWith('/dev/')) return missing('a block device: a backup of files does not read it');
  return place.startsWith('/') ? judge.path(place) : missing('it is not among the files of this host');
}

interface Judge {
  mount(mount: Mount): Verdict;
  subvolume(subvolume: Subvolume, mounts: ReadonlyMap<string, Verdict>): Verdict;
  /** Of a file or directory, wherever it lies. */
  path(path: string): Verdict;
}

function judgeOf(layout: Layout, selection: Selection, graph: Graph): Judge {
  const include = selection.include.map(normalised);
  const excludes = selection.exclude.map((pattern) => ({ pattern, matches: matcher(pattern) }));
  const mounts = layout.components.filter((component): component is Mount => component.kind === 'mount');
  const visible = mounts.filter(({ hidden, mounted }) => hidden !== true && mounted);
  const domains = domainsOf(layout, visible);
  /** The domain that holds `path`. */
  const domainOf = (path: string): Domain | undefined => {
    for (const at of upwards(path)) {
      const domain = domains.get(at);
      if (domain !== undefined) return domain;
    }
    return undefined;
  };
  const owners = new Map<string, Mount>();
  for (const mount of visible) {
    if (mount.category !== 'bind') for (const id of mount.on) if (!owners.has(id)) owners.set(id, mount);
  }

  /** The pattern that keeps `path` out of what is followed from `top`. */
  function excluding(path: string, top: string): string | undefined {
    const ancestors = upwards(path).filter((at) => isWithin(at, top));
    return excludes.find(({ matches }) => ancestors.some(matches))?.pattern;
  }

  /** Whether the directory `path`, which lies in `domain`, is backed up. */
  function directory(path: string, domain: Domain): Verdict {
    const tops = include.filter((top) => isWithin(path, top) && domainOf(top) === domain);
    const verdicts = tops.map((top) => ({ top, pattern: excluding(path, top) }));
    const whole = verdicts.find(({ pattern }) => pattern === undefined);
    if (whole !== undefined) {
      const except = excludes.filter(
        ({ pattern }) => !pattern.startsWith('/') || domainOf(normalised(pattern)) === domain,
      );
      const list = except.map(({ pattern }) => pattern).join(', ');
      if (list === '') return { state: 'covered', reason: `included by ${whole.top}`, harmless: true };
      // Agreed to in the configuration, and shown all the same.
      return {
        state: 'partly',
        reason: `included by ${whole.top}, except what is excluded by ${list}`,
        harmless: true,
      };
    }
    const inside = include.filter(
      (top) => top !== path && isWithin(top, path) && domainOf(top) === domain && excluding(top, top) === undefined,
    );
    if (inside.length > 0) return { state: 'partly', reason: `only ${inside.join(', ')}`, harmless: false };
    const excludedBy = verdicts.find(({ pattern }) => pattern !== undefined)?.pattern;
    if (excludedBy !== undefined) return missing(`excluded by ${excludedBy}`);
    const over = include.find((top) => isWithin(path, top));
    if (over === undefined) return missing(`add ${path} to backup.include`);
    const pattern = excluding(path, over);
    const border = domain.subvolume === undefined ? 'another filesystem' : 'another subvolume';
    return missing(pattern === undefined ? `${border}: add ${path} to backup.include` : `excluded by ${pattern}`);
  }

  function pathVerdict(path: string): Verdict {
    const plain = normalised(path);
    const domain = domainOf(plain);
    return domain === undefined ? missing(`add ${path} to backup.include`) : directory(plain, domain);
  }

  function mountVerdict(mount: Mount): Verdict {
    if (mount.category === 'pseudo') return harmless('made by the kernel: it holds no data');
    if (!mount.mounted) return unmountedVerdict(mount, graph);
    if (mount.hidden === true) {
      const reason = 'hidden by another mount at the same path: nothing can be read there';
      return mount.category === 'memory' ? harmless(reason) : missing(reason);
    }
    const domain = domains.get(mount.path);
    const own = domain === undefined ? missing('its path cannot be followed') : directory(mount.path, domain);
    // Covered, but for what the configuration leaves out.
    if (own.harmless) return own;
    switch (mount.category) {
      case 'local':
      case 'network':
        return own;
      case 'memory':
        return own.state === 'partly' ? own : harmless('in memory: gone at every restart');
      case 'bind': {
        const owner = mount.on.map((id) => owners.get(id)).find((found) => found !== undefined);
        if (owner === undefined) return own;
        const path = joined(owner.path, relativeRoot(mount.root, owner.root));
        const there = pathVerdict(path);
        return { ...there, reason: `the same files as ${path}: ${there.reason}` };
      }
      case 'overlay': {
        const upper = /(?:^|,)upperdir=([^,]+)/.exec(mount.options)?.[1];
        if (upper === undefined || domainOf(normalised(upper)) === undefined) return own;
        const there = pathVerdict(upper);
        return { ...there, reason: `its changed files are in ${upper}: ${there.reason}` };
      }
    }
  }

  return {
    mount: mountVerdict,
    path: pathVerdict,
    subvolume(subvolume, known) {
      const places = [...domains.values()].filter((domain) => domain.subvolume?.id === subvolume.id);
      const found = [
        ...(graph.above.get(subvolume.id) ?? []).flatMap(({ id }) => known.get(id) ?? []),
        ...places.map(({ path }) => {
          const verdict = pathVerdict(path);
          return { ...verdict, reason: `${path}: ${verdict.reason}` };
        }),
      ];
      const best = found.toSorted((a, b) => rank(a) - rank(b))[0] ?? missing('no mount shows it');
      return subvolume.readOnly && subvolume.parentUuid !== undefined && best.state === 'not-covered'
        ? harmless(`a snapshot: a backup holds the files of its subvolume as they are now (${best.reason})`)
        : best;
    },
  };
}

/** A mount that is only in fstab. Its filesystem, when it is on this host, is listed by itself. */
function unmountedVerdict({ category, on, path }: Mount, { byId }: Graph): Verdict {
  if (on.some((id) => byId.has(id))) return harmless(`${path} is not mounted; its filesystem is listed by itself`);
  if (category === 'memory' || category === 'bind')
    return harmless('in fstab and not mounted: it holds no data of its own');
  return missing('in fstab and not mounted: its files cannot be read');
}

/** By path: the mounts, and the subvolumes that are seen below them and are no mounts themselves. */
function domainsOf(layout: Layout, visible: readonly Mount[]): Map<string, Domain> {
  const domains = new Map<string, Domain>(visible.map((mount) => [mount.path, { path: mount.path, mount }]));
  const subvolumes = new Map<string, Subvolume[]>();
  for (const component of layout.components) {
    if (component.kind !== 'subvolume') continue;
    for (const id of component.on) subvolumes.set(id, [...(subvolumes.get(id) ?? []), component]);
  }
  if (subvolumes.size === 0) return domains;
  const filesystemOf = new Map(
    [...subvolumes].flatMap(([id, list]) => [[id, id], ...list.map((one) => [one.id, id] as const)] as const),
  );
  for (const mount of visible) {
    const filesystem = mount.on.map((id) => filesystemOf.get(id)).find((id) => id !== undefined);
    for (const subvolume of subvolumes.get(filesystem ?? '') ?? []) {
      const full = `/${subvolume.path}`;
      if (full === mount.root || !isWithin(full, mount.root)) continue;
      const path = joined(mount.path, relativeRoot(full, mount.root));
      if (!domains.has(path)) domains.set(path, { path, mount, subvolume });
    }
  }
  return domains;
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
  if ('device' in component && component.device !== undefined) return component.device;
  const under = component.on.map((id) => graph.byId.get(id)).find((found) => found !== undefined);
  return under === undefined || under.kind === 'mount' ? component.id : nameOf(under, graph);
}
