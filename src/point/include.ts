/** Which paths a backup follows: those of the configuration, and the mounts below them into which it is to go. */
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

/** Mount points of the configuration at which nothing is mounted that could be followed. */
export function notMounted({ include, crossMounts }: Including, layout: Pick<Layout, 'components'>): string[] {
  if (typeof crossMounts === 'string') return [];
  const all = includedPaths({ include, crossMounts }, layout);
  return crossMounts.filter((path) => !all.includes(normalised(path)));
}
