/** What a backup holds of a directory, a mount, a subvolume: by following the includes as the walk of the engine does. */
import { matcher, patternsWithin } from '../engine/patterns.ts';
import { harmless, missing, type Verdict } from '../layout/handler.ts';
import { typeCategory } from '../layout/mount-category.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Component, Layout } from '../layout/types.ts';
import { type Domain, domainsOf, holding, isSnapshot, type Mount, type Subvolume, visibleMounts } from './domains.ts';
import { joined, mayMatchBelow, normalised, relativeRoot, upwards } from './paths.ts';

export interface Selection {
  /** Absolute paths, each followed within its own filesystem only. */
  readonly include: readonly string[];
  /**
   * Patterns of `engine/patterns.ts`; what lies below an excluded directory is excluded.
   */
  readonly exclude: readonly string[];
  /** Of `include`, what is stored although a pattern names it: what only this host has of its containers. */
  readonly keep?: readonly string[];
  /** Layers of images of containers that are left out, as they can be pulled again. */
  readonly imageLayers?: readonly string[];
  /** Directories that lifeboat itself writes: they are left out of every backup. */
  readonly own?: readonly string[];
  /** What is left out besides, wherever it lies: the content of cache directories, and files above a size. */
  readonly excludeCaches?: boolean;
  readonly maxFileSize?: string;
  /** Files that a backup could not read, or that changed while it did. */
  readonly unread?: readonly string[];
}

export interface Graph {
  readonly byId: ReadonlyMap<string, Component>;
  /** What stands on a component, by its id. */
  readonly above: ReadonlyMap<string, readonly Component[]>;
}

export interface Judge {
  mount(mount: Mount): Verdict;
  /** @param mounts verdicts of the mounts, by id */
  subvolume(subvolume: Subvolume, mounts: ReadonlyMap<string, Verdict>): Verdict;
  /** Of a directory with all that is in it, or of a file. */
  path(path: string, type: 'directory' | 'file'): Verdict;
}

export function judgeOf(layout: Layout, selection: Selection, graph: Graph): Judge {
  const { own = [], keep = [], imageLayers = [], unread = [], excludeCaches = false, maxFileSize } = selection;
  const byRule = [
    ...(excludeCaches ? ['what is in cache directories'] : []),
    ...(maxFileSize === undefined ? [] : [`files larger than ${maxFileSize}`]),
  ];
  const include = selection.include.map(normalised);
  const excludes = selection.exclude.map((pattern) => ({ pattern, matches: matcher(pattern) }));
  const kept = keep.map(normalised);
  const countsInKept = new Set(patternsWithin(kept, selection.exclude));
  const visible = visibleMounts(layout);
  const domains = domainsOf(layout);
  /** The domain that holds `path`. */
  const domainOf = (path: string): Domain | undefined => holding(domains, path);
  const owners = new Map<string, Mount>();
  for (const mount of visible) {
    if (mount.category !== 'bind') for (const id of mount.on) if (!owners.has(id)) owners.set(id, mount);
  }
  const unreadIn = Map.groupBy(unread, (path) => domainOf(normalised(path)));

  /** The pattern that keeps `path` out: it matches the path, or a directory above it, also one above the include. */
  function excluding(path: string): string | undefined {
    const all = upwards(path);
    return excludesIn(path).find(({ matches }) => all.some(matches))?.pattern;
  }

  /** What is kept that `path` is in. */
  function keptAt(path: string): string | undefined {
    return kept.find((one) => isWithin(path, one) && domainOf(one) === domainOf(path));
  }

  function excludesIn(path: string): typeof excludes {
    return keptAt(path) === undefined ? excludes : excludes.filter(({ pattern }) => countsInKept.has(pattern));
  }

  /** Whether `path`, which lies in `domain`, is backed up. */
  function inDomain(path: string, domain: Domain, type: 'directory' | 'file'): Verdict {
    if (own.some((directory) => isWithin(path, directory)))
      return harmless("lifeboat's own: it is left out of every backup");
    if (imageLayers.some((layer) => isWithin(path, layer)))
      return harmless('a layer of an image that can be pulled again: it is listed, not copied');
    const pattern = excluding(path);
    if (pattern !== undefined) return missing(`excluded by ${pattern}`);
    const top = keptAt(path) ?? include.find((one) => isWithin(path, one) && domainOf(one) === domain);
    if (top !== undefined) return included(top, path, domain, type);
    const inside = include.filter(
      (one) => isWithin(one, path) && domainOf(one) === domain && excluding(one) === undefined,
    );
    if (inside.length > 0) return missingPart(`only ${inside.join(', ')}`);
    const border = domain.subvolume === undefined ? 'another filesystem' : 'another subvolume';
    const isBelow = include.some((one) => isWithin(path, one));
    return missing(`${isBelow ? `${border}: ` : ''}add ${path} to backup.include`);
  }

  /** What an include leads to, but for what is left out of it. */
  function included(top: string, path: string, domain: Domain, type: 'directory' | 'file'): Verdict {
    const by = kept.includes(top) ? `${top}, for its containers` : top;
    const failed = (unreadIn.get(domain) ?? []).filter((one) => isWithin(one, path));
    if (failed.length > 0) {
      const more = failed.length === 1 ? '' : ` and ${failed.length - 1} more`;
      return missingPart(`included by ${by}, but not read as they are: ${failed[0]}${more}`);
    }
    if (type === 'file') return { state: 'covered', reason: `included by ${by}`, harmless: true };
    const except = excludesIn(path).filter(
      ({ pattern }) =>
        mayMatchBelow(normalised(pattern), domain.path) ||
        (pattern.startsWith('/') && isPartOf(domainOf(normalised(pattern)), domain)),
    );
    const list = except.map(({ pattern }) => pattern).join(', ');
    const lacking = [...(list === '' ? [] : [`what is excluded by ${list}`]), ...byRule];
    // Agreed to in the configuration, and shown all the same.
    if (lacking.length > 0)
      return { state: 'partly', reason: `included by ${by}, except ${lacking.join(' and ')}`, harmless: true };
    const ours = own.filter((directory) => isWithin(directory, path) && domainOf(directory) === domain);
    const but = ours.length === 0 ? '' : `; lifeboat's own ${ours.join(', ')} is left out`;
    const layers = imageLayers.some((layer) => isWithin(layer, path) && domainOf(layer) === domain);
    const pulled = layers ? '; layers of images that can be pulled again are left out' : '';
    return { state: 'covered', reason: `included by ${by}${but}${pulled}`, harmless: true };
  }

  function pathVerdict(path: string, type: 'directory' | 'file'): Verdict {
    const plain = normalised(path);
    const domain = domainOf(plain);
    return domain === undefined ? missing(`add ${path} to backup.include`) : inDomain(plain, domain, type);
  }

  /** The same files by another path, if that path still leads to them. */
  function bindVerdict(mount: Mount, direct: Verdict): Verdict {
    if (typeCategory(mount.fstype) === 'memory') return harmless('in memory: gone at every restart');
    const owner = mount.on.map((id) => owners.get(id)).find((found) => found !== undefined);
    if (owner === undefined || !isWithin(mount.root, owner.root)) return direct;
    const path = joined(owner.path, relativeRoot(mount.root, owner.root));
    if (domainOf(path)?.mount !== owner) return direct;
    const there = pathVerdict(path, 'directory');
    return { ...there, reason: `the same files as ${path}: ${there.reason}` };
  }

  function mountVerdict(mount: Mount): Verdict {
    if (mount.category === 'pseudo') return harmless('made by the kernel: it holds no data');
    if (!mount.mounted) return unmountedVerdict(mount, graph);
    if (mount.hidden === true) {
      const reason = 'hidden by another mount: its path leads elsewhere, and nothing can be read there';
      return mount.category === 'memory' ? harmless(reason) : missing(reason);
    }
    const domain = domainOf(mount.path);
    const direct =
      domain === undefined ? missing('its path cannot be followed') : inDomain(mount.path, domain, 'directory');
    // Covered, but for what the configuration leaves out.
    if (direct.harmless) return direct;
    switch (mount.category) {
      case 'local':
      case 'network':
        return direct;
      case 'memory':
        return direct.state === 'partly' ? direct : harmless('in memory: gone at every restart');
      case 'bind':
        return bindVerdict(mount, direct);
      case 'overlay': {
        const upper = /(?:^|,)upperdir=([^,]+)/.exec(mount.options)?.[1];
        if (upper === undefined || domainOf(normalised(upper)) === undefined) return direct;
        const there = pathVerdict(upper, 'directory');
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
        ...shownBy(graph.above.get(subvolume.id) ?? [], `/${subvolume.path}`, known),
        ...places.map(({ path }) => {
          const verdict = pathVerdict(path, 'directory');
          return { ...verdict, reason: `${path}: ${verdict.reason}` };
        }),
      ];
      const best = found.toSorted((a, b) => rank(a) - rank(b))[0] ?? missing('no mount shows it');
      return isSnapshot(subvolume) && best.state === 'not-covered'
        ? harmless(`a snapshot: a backup holds the files of its subvolume as they are now (${best.reason})`)
        : best;
    },
  };
}

/** Whether what lies in `other` is also in `domain`: a bind of one filesystem into itself is no border for a walk. */
function isPartOf(other: Domain | undefined, domain: Domain): boolean {
  const [filesystem] = domain.mount.on;
  return other === domain || (filesystem !== undefined && other?.mount.on[0] === filesystem);
}

/** Best first. */
export function rank({ state, harmless: unimportant }: Verdict): number {
  return { covered: 0, partly: 1, 'not-covered': unimportant ? 3 : 2 }[state];
}

export function missingPart(reason: string): Verdict {
  return { state: 'partly', reason, harmless: false };
}

/**
 * Verdicts of the mounts among `above`, each told with its path. One that shows less than `root` covers a part at most.
 */
export function shownBy(above: readonly Component[], root: string, verdicts: ReadonlyMap<string, Verdict>): Verdict[] {
  return above.flatMap((one): Verdict[] => {
    const verdict = verdicts.get(one.id);
    if (one.kind !== 'mount' || !one.mounted || verdict === undefined) return [];
    const reason = `${one.path}: ${verdict.reason}`;
    if (one.root === root || verdict.state === 'not-covered') return [{ ...verdict, reason }];
    return [missingPart(`only its ${one.root} is seen, at ${reason}`)];
  });
}

/** A mount that is only in fstab. Its filesystem, when it is on this host, is listed by itself. */
function unmountedVerdict({ category, on, path }: Mount, { byId }: Graph): Verdict {
  if (on.some((id) => byId.has(id))) return harmless(`${path} is not mounted; its filesystem is listed by itself`);
  if (category === 'memory' || category === 'bind')
    return harmless('in fstab and not mounted: it holds no data of its own');
  return missing('in fstab and not mounted: its files cannot be read');
}
