/** Which paths a backup follows: those of the configuration, and the mounts below them into which it is to go. */
import { namedPaths } from '../engine/tar/include.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Layout } from '../layout/types.ts';
import { type Domain, domainsOf, holding, isSnapshot, visibleMounts } from './domains.ts';
import { normalised } from './paths.ts';

export interface Including {
  readonly include: readonly string[];
  /** `local`: all filesystems on disks that are mounted below; or those at these paths. */
  readonly crossMounts: 'none' | 'local' | readonly string[];
}

/**
 * Each of them is followed on its own device only. Subvolumes that are seen below them are a part of the same filesystem: each is followed once,
 * where the mount leads that shows the least besides. Read-only snapshots, which hold what was, are not, unless they are named; nor are layers of
 * images of containers.
 */
export function includedPaths({ include, crossMounts }: Including, layout: Pick<Layout, 'components'>): string[] {
  const roots = [...include, ...mountsBelow({ include, crossMounts }, layout)];
  const domains = domainsOf(layout);
  const followed = new Set(roots.flatMap((path) => holding(domains, normalised(path))?.mount ?? []));
  const mounted = new Set([...followed].flatMap(({ on }) => on));
  const nested = new Map<string, Domain>();
  for (const domain of domains.values()) {
    const { path, mount, subvolume } = domain;
    if (subvolume === undefined || isSnapshot(subvolume) || mounted.has(subvolume.id) || imageLayer.test(path))
      continue;
    if (!followed.has(mount) || !roots.some((root) => isWithin(path, normalised(root)))) continue;
    const other = nested.get(subvolume.id);
    if (other === undefined || other.mount.root.length < mount.root.length) nested.set(subvolume.id, domain);
  }
  return [...new Set([...roots, ...[...nested.values()].map(({ path }) => path)])];
}

/** As Docker and podman keep them on btrfs: each is a snapshot of the one below it. */
const imageLayer = /\/btrfs\/subvolumes\/[^/]+$/;

function mountsBelow({ include, crossMounts }: Including, layout: Pick<Layout, 'components'>): readonly string[] {
  if (crossMounts === 'none') return [];
  const wanted = crossMounts === 'local' ? undefined : new Set(crossMounts.map(normalised));
  return visibleMounts(layout).flatMap(({ path, category }) => {
    if (!include.some((top) => isWithin(path, normalised(top)))) return [];
    return (wanted === undefined ? category === 'local' : wanted.has(path)) ? [path] : [];
  });
}

/**
 * Included paths as the walk follows them on this host: without symlinks above them, and without those that are symlinks
 * themselves, of which a backup holds the link only. As they are where a dead filesystem keeps them from being looked at.
 */
export async function followedPaths(host: Host, include: readonly string[], signal: AbortSignal): Promise<string[]> {
  try {
    const { paths, links } = await namedPaths(host, include, signal);
    const isLink = new Set(links.map(({ path }) => path));
    return paths.filter((path) => !isLink.has(path)).map((path) => `/${path}`);
  } catch (error) {
    if (!(error instanceof LifeboatError) || error.code !== 'command-timeout') throw error;
    return [...include];
  }
}

/** Mount points of the configuration at which nothing is mounted that could be followed. */
export function notMounted({ include, crossMounts }: Including, layout: Pick<Layout, 'components'>): string[] {
  if (typeof crossMounts === 'string') return [];
  const all = includedPaths({ include, crossMounts }, layout);
  return crossMounts.filter((path) => !all.includes(normalised(path)));
}
