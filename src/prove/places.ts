/** Which entries of a point are compared with what is there, and which are another's affair. */
import { parentOf } from '../engine/tar/include.ts';
import { mountsBelow } from '../engine/restore/mounts.ts';
import { insideOf } from './inside.ts';

/**
 * `changed`: on purpose, after it was restored; `left-out`: it was not to be restored; `hidden`: the running system has mounted
 * something of its own over it, such as /proc.
 */
export type Affair = 'changed' | 'left-out' | 'hidden';

export interface Places {
  /** `undefined` for what is compared. */
  affair(path: string): Affair | undefined;
  /** Something was put into this directory on purpose, or taken out, which moves its time. */
  touched(path: string): boolean;
  /** Absolute, as a walk leaves them out. */
  readonly skip: readonly string[];
}

/**
 * @param root its real path
 * @param changed absolute paths, and `leftOut` too: a directory stands for all below it
 */
export function placesOf(root: string, changed: readonly string[], leftOut: readonly string[]): Places {
  const mounts = mountsBelow(root);
  const hidden = mounts.paths.filter((path) => mounts.reason(path) !== undefined);
  const tops = new Map<string, Affair>();
  const inside = insideOf(root);
  // A walk follows no symlink: what somebody calls /lib is usr/lib to it. Of several that are told of one place the last one counts.
  const told = (path: string, affair: Affair) => {
    const above = inside.real(parentOf(path) || '/');
    tops.set(relative(`${above}/${path.slice(path.lastIndexOf('/') + 1)}`), affair);
  };
  for (const path of changed) told(path, 'changed');
  for (const path of leftOut) told(path, 'left-out');
  for (const path of hidden) tops.set(path, 'hidden');
  const touched = new Set([...tops.keys()].map(parentOf));
  const above = new Map<string, Affair | undefined>();
  // Asked of a directory for each thing in it.
  const directoryAffair = (path: string): Affair | undefined => {
    if (above.has(path)) return above.get(path);
    const found = tops.get(path) ?? (path === '' ? undefined : directoryAffair(parentOf(path)));
    above.set(path, found);
    return found;
  };
  return {
    affair: (path) => tops.get(path) ?? (path === '' ? undefined : directoryAffair(parentOf(path))),
    touched: (path) => touched.has(path),
    skip: hidden.map((path) => `/${path}`),
  };
}

function relative(path: string): string {
  return path.replace(/^\/+|\/+$/g, '').replace(/\/{2,}/g, '/');
}
