/** Paths and mounts: which mount holds a path, and what each mount is called in a layout. */
import type { MountEntry } from './tools/findmnt.ts';

const mountId = (path: string): string => `mount:${path}`;

/** What only waits to be looked at, and then has something mounted over it: that is what its path stands for. */
export function isTrigger({ fstype }: Pick<MountEntry, 'fstype'>): boolean {
  return fstype === 'autofs';
}

/** Ids in the order of the entries: the one that its path leads to has the plain name. */
export function mountIds(mounts: readonly MountEntry[]): string[] {
  const seen = new Set<string>();
  const below = new Map<string, number>();
  return mounts.map((mount) => {
    const { target, hidden } = mount;
    if (hidden !== true && !isTrigger(mount) && !seen.has(target)) {
      seen.add(target);
      return mountId(target);
    }
    const number = (below.get(target) ?? 0) + 1;
    below.set(target, number);
    // A path begins with "/", so no path can look like this suffix of another's id.
    return `mount:${number} below ${target}`;
  });
}

/** Id of what is in fstab and not mounted; `nth` counts the lines for one path, of which only one can be mounted. */
export function unmountedId(path: string, nth: number): string {
  return nth === 0 ? mountId(path) : `mount:line ${nth + 1} for ${path}`;
}

/** Index of the mount that holds `path`. */
export function holderOf(path: string, mounts: readonly Pick<MountEntry, 'target' | 'hidden'>[]): number | undefined {
  let best: number | undefined;
  let length = -1;
  mounts.forEach(({ target, hidden }, index) => {
    if (hidden !== true && target.length >= length && isWithin(path, target)) {
      best = index;
      length = target.length;
    }
  });
  return best;
}

/** Whether `path` is `directory` or lies below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}
