/** What a backup of files holds of a host, and what it does not, each with the reason: everything on the host is in it. */
import { z } from 'zod';
import { harmless, missing, type Verdict } from '../layout/handler.ts';
import { isWithin } from '../layout/mount-place.ts';
import { type Component, type ComponentOf, handlerOf, kindSchema, type Layout } from '../layout/types.ts';

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

/** One item for each mount that is not the kernel's own, and for each device or content that no mount shows. */
export function coverage(layout: Layout, selection: Selection): CoverageItem[] {
  const include = selection.include.map(normalised);
  const excludes = selection.exclude.map((pattern) => ({ pattern, matches: matcher(pattern) }));
  const mounts = layout.components.filter((component): component is Mount => component.kind === 'mount');
  const visible = mounts.filter(({ hidden }) => hidden !== true);
  const byPath = new Map(visible.map((mount) => [mount.path, mount]));
  /** The mount that holds `path`. */
  const mountOf = (path: string): Mount | undefined => {
    for (const at of upwards(path)) {
      const mount = byPath.get(at);
      if (mount !== undefined) return mount;
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

  /** Whether the directory `path` of `mount` is backed up. */
  function directory(path: string, mount: Mount): Verdict {
    const tops = include.filter((top) => isWithin(path, top) && mountOf(top) === mount);
    const verdicts = tops.map((top) => ({ top, pattern: excluding(path, top) }));
    const whole = verdicts.find(({ pattern }) => pattern === undefined);
    if (whole !== undefined) {
      const except = excludes.filter(
        ({ pattern }) => !pattern.startsWith('/') || mountOf(normalised(pattern)) === mount,
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
      (top) => top !== path && isWithin(top, path) && mountOf(top) === mount && excluding(top, top) === undefined,
    );
    if (inside.length > 0) return { state: 'partly', reason: `only ${inside.join(', ')}`, harmless: false };
    const excludedBy = verdicts.find(({ pattern }) => pattern !== undefined)?.pattern;
    if (excludedBy !== undefined) return missing(`excluded by ${excludedBy}`);
    const over = include.find((top) => isWithin(path, top));
    if (over === undefined) return missing(`add ${path} to backup.include`);
    const pattern = excluding(path, over);
    return missing(
      pattern === undefined ? `another filesystem: add ${path} to backup.include` : `excluded by ${pattern}`,
    );
  }

  function mountVerdict(mount: Mount): Verdict {
    if (mount.hidden === true) {
      const reason = 'hidden by another mount at the same path: nothing can be read there';
      return mount.category === 'memory' ? harmless(reason) : missing(reason);
    }
    const own = directory(mount.path, mount);
    // Covered, but for what the configuration leaves out.
    if (own.harmless) return own;
    switch (mount.category) {
      case 'local':
      case 'network':
      case 'pseudo':
        return own;
      case 'memory':
        return own.state === 'partly' ? own : harmless('in memory: gone at every restart');
      case 'bind': {
        const owner = mount.on.map((id) => owners.get(id)).find((found) => found !== undefined);
        if (owner === undefined) return own;
        const path = joined(owner.path, relativeRoot(mount.root, owner.root));
        const there = directory(path, mountOf(path) ?? owner);
        return { ...there, reason: `the same files as ${path}: ${there.reason}` };
      }
      case 'overlay': {
        const upper = /(?:^|,)upperdir=([^,]+)/.exec(mount.options)?.[1];
        const holder = upper === undefined ? undefined : mountOf(upper);
        if (upper === undefined || holder === undefined) return own;
        const there = directory(normalised(upper), holder);
        return { ...there, reason: `its changed files are in ${upper}: ${there.reason}` };
      }
    }
  }

  const items = mounts
    .filter(({ category }) => category !== 'pseudo')
    .map((mount) => item(mount.path, mount, mountVerdict(mount), bytesOf(mount, layout)));
  const mounted = new Set(mounts.flatMap(({ on }) => on));
  const carrying = new Set(layout.components.flatMap(({ on }) => on));
  for (const component of layout.components) {
    const verdict = deviceVerdict(component, mounted, carrying);
    if (verdict !== undefined)
      items.push(item(nameOf(component, layout), component, verdict, bytesOf(component, layout)));
  }
  return items;
}

/** What no mount shows. `undefined` for what is a carrier only: its table is made anew out of the layout. */
function deviceVerdict(
  component: Component,
  mounted: ReadonlySet<string>,
  carrying: ReadonlySet<string>,
): Verdict | undefined {
  switch (component.kind) {
    case 'mount':
      return undefined;
    case 'swap':
      return { state: 'covered', reason: 'made anew on recovery: its content is no data', harmless: true };
    case 'filesystem':
      return mounted.has(component.id) ? undefined : missing('not mounted: its files cannot be read');
    case 'unknown':
      if (component.sizeBytes === 0) return harmless('not in use: it has no size');
      return missing(
        carrying.has(component.id)
          ? `${component.rawType} is not yet handled: recovery cannot make it anew; what stands on it is listed by itself`
          : `${component.rawType} is not yet handled`,
      );
    case 'disk':
      if (carrying.has(component.id)) return undefined;
      if (component.sizeBytes === 0 || component.removable)
        return harmless('no content was seen on it; it is removable or empty');
      return missing('no filesystem or partition was seen on it: if it holds data, nothing of it is backed up');
    case 'partition':
      if (carrying.has(component.id)) return undefined;
      // An extended partition only holds the table of the logical ones.
      return /^0x0*(5|f|85)$/i.test(component.typeId ?? '')
        ? undefined
        : missing('no filesystem was seen on it: if it holds data, nothing of it is backed up');
  }
}

function item(subject: string, { kind }: Component, verdict: Verdict, bytes: number | undefined): CoverageItem {
  return { subject, kind, ...(bytes === undefined ? {} : { bytes }), ...verdict };
}

function bytesOf(component: Component, layout: Layout): number | undefined {
  if (component.kind === 'mount') {
    if (component.hidden === true) return undefined;
    return component.usedBytes ?? filesystemUnder(component, layout)?.usedBytes;
  }
  return component.kind === 'filesystem' ? (component.usedBytes ?? component.sizeBytes) : component.sizeBytes;
}

function filesystemUnder({ on }: Mount, layout: Layout): ComponentOf<'filesystem'> | undefined {
  if (on.length === 0) return undefined;
  for (const component of layout.components) {
    if (component.kind === 'filesystem' && on.includes(component.id)) return component;
  }
  return undefined;
}

function nameOf(component: Component, layout: Layout): string {
  if (component.kind === 'swap' && component.file !== undefined) return component.file;
  if ('device' in component && component.device !== undefined) return component.device;
  const under = layout.components.find(({ id }) => component.on.includes(id));
  return under === undefined || under.kind === 'mount' ? component.id : nameOf(under, layout);
}

/** Coverage as a table for a terminal: what is missing first. */
export function coverageText(items: readonly CoverageItem[]): string {
  const rank = { 'not-covered': 0, partly: 1, covered: 2 } as const;
  const words = { 'not-covered': 'NOT COVERED', partly: 'partly', covered: 'covered' } as const;
  const order = (one: CoverageItem): number => (one.harmless && one.state === 'not-covered' ? 1.5 : rank[one.state]);
  const rows = items
    .toSorted((a, b) => order(a) - order(b))
    .map((one) => [
      one.harmless && one.state === 'not-covered' ? 'not needed' : words[one.state],
      one.kind,
      printable(one.subject),
      one.bytes === undefined ? '' : formatBytes(one.bytes),
      printable(one.reason),
    ]);
  const widths = [0, 1, 2, 3].map((column) =>
    Math.min(40, Math.max(0, ...rows.map((row) => row[column]?.length ?? 0))),
  );
  return rows
    .map(
      (row) =>
        `${row.map((cell, column) => (column === 3 ? cell.padStart(widths[3] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ')}\n`,
    )
    .join('');
}

/** GNU tar's wildcards as a test of an absolute path. */
function matcher(pattern: string): (path: string) => boolean {
  const body = (pattern.length > 1 ? pattern.replace(/\/+$/, '') : pattern).replace(/\[!?[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '[^]*';
    if (part === '?') return '[^]';
    if (part.length > 1) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return part.replace(/[.+^${}()|[\]\\]/, '\\$&');
  });
  const start = pattern.startsWith('/') ? '^' : '(?:^|/)';
  let test: RegExp;
  try {
    test = new RegExp(`${start}${body}$`);
  } catch {
    // An impossible range as in "[z-a]": nothing has that name but the pattern itself.
    return (path) => path === pattern;
  }
  return (path) => test.test(path);
}

function normalised(path: string): string {
  const plain = path.replace(/\/+/g, '/').replace(/(?:\/\.)+(?=\/|$)/g, '');
  return plain.length > 1 ? plain.replace(/\/$/, '') : plain === '' ? '/' : plain;
}

function joined(directory: string, relative: string): string {
  return relative === '' ? directory : `${directory === '/' ? '' : directory}/${relative}`;
}

/** Where `root` lies below the directory that the owner shows. */
function relativeRoot(root: string, ownerRoot: string): string {
  return isWithin(root, ownerRoot) ? root.slice(ownerRoot.length).replace(/^\//, '') : root.replace(/^\//, '');
}

/** `/a/b` → `/a/b`, `/a`, `/`. */
function upwards(path: string): string[] {
  const result = [path];
  for (let at = path; at !== '/' && at.startsWith('/'); ) {
    at = at.slice(0, at.lastIndexOf('/')) || '/';
    result.push(at);
  }
  return result;
}
