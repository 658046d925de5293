/** Which paths a backup follows: those of the configuration, and the mounts below them into which it is to go. */
import { namedPaths } from '../engine/tar/include.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Layout } from '../layout/types.ts';
import { normalised } from './paths.ts';

export interface Including {
  readonly include: readonly string[];
  /** `local`: all filesystems on disks that are mounted below; or those at these paths. */
  readonly crossMounts: 'none' | 'local' | readonly string[];
}

/** Each of them is followed within its own filesystem. */
export function includedPaths(
  { include, crossMounts }: Including,
  { components }: Pick<Layout, 'components'>,
): string[] {
  if (crossMounts === 'none') return [...include];
  const wanted = crossMounts === 'local' ? undefined : new Set(crossMounts.map(normalised));
  const further = components.flatMap((component) => {
    if (component.kind !== 'mount' || !component.mounted || component.hidden === true) return [];
    const { path, category } = component;
    if (!include.some((top) => isWithin(path, normalised(top)))) return [];
    return (wanted === undefined ? category === 'local' : wanted.has(path)) ? [path] : [];
  });
  return [...new Set([...include, ...further])];
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
