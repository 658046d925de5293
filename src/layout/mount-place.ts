/** Paths and mounts: which mount holds a path, and what each mount is called in a layout. */
import type { MountEntry } from './tools/findmnt.ts';

const mountId = (path: string): string => `mount:${path}`;

/** Ids in the order of the entries: of several mounts at one path the last lies on top and has the plain name. */
export function mountIds(mounts: readonly MountEntry[]): string[] {
  const left = new Map<string, number>();
  for (const { target } of mounts) left.set(target, (left.get(target) ?? 0) + 1);
  return mounts.map(({ target }) => {
    const above = (left.get(target) ?? 1) - 1;
    left.set(target, above);
    // A path begins with "/", so no path can look like this suffix of another's id.
    return above === 0 ? mountId(target) : `mount:${above} below ${target}`;
  });
}

/** The entries whose path leads to something else, because another mount lies over them at the same path. */
export function isOnTop(id: string, path: string): boolean {
  return id === mountId(path);
}

/** Id of what is in fstab and not mounted; `nth` counts the lines for one path, of which only one can be mounted. */
export function unmountedId(path: string, nth: number): string {
  return nth === 0 ? mountId(path) : `mount:line ${nth + 1} for ${path}`;
}

/** Index of the mount that holds `path`: the longest, and of those at one place the last. */
export function holderOf(path: string, mounts: readonly { readonly target: string }[]): number | undefined {
  let best: number | undefined;
  let length = -1;
  mounts.forEach(({ target }, index) => {
    if (target.length >= length && isWithin(path, target)) {
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
