/** Which mounts can be reached by their paths: what findmnt does not say, and `/proc/self/mountinfo` does (proc(5)). */
import { unescapeOctal } from './fstab.ts';

export const mountinfoFile = '/proc/self/mountinfo';

export interface MountInfo {
  readonly id: number;
  readonly parent: number;
  /** `major:minor` */
  readonly number: string;
  readonly root: string;
  readonly target: string;
}

export function parseMountinfo(content: string): MountInfo[] {
  const lines = content.split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw new Error('no mount in it');
  return lines.map((line) => {
    const [id, parent, number, root, target] = line.split(' ');
    if (root === undefined || target === undefined || !/^\d+:\d+$/.test(number ?? ''))
      throw new Error(`not a mount: ${JSON.stringify(line)}`);
    return {
      id: Number(id),
      parent: Number(parent),
      number: number ?? '',
      root: unescapeOctal(root),
      target: unescapeOctal(target),
    };
  });
}

/**
 * The mounts to which their own path leads, by following it from the root as the kernel does. The others lie under
 * something that was mounted later at the same place, or at a directory above it. The order of the table says nothing of
 * that: mounts that a starting system has moved stand before the root.
 */
export function reachable(mounts: readonly MountInfo[]): Set<MountInfo> {
  const ids = new Set(mounts.map(({ id }) => id));
  const at = new Map(mounts.map((mount) => [`${mount.parent} ${mount.target}`, mount]));
  const top = mounts.find(({ parent, id }) => !ids.has(parent) || parent === id);
  const onto = (mount: MountInfo, path: string): MountInfo => {
    let upper = mount;
    for (let next = at.get(`${upper.id} ${path}`); next !== undefined && next !== upper; ) {
      upper = next;
      next = at.get(`${upper.id} ${path}`);
    }
    return upper;
  };
  const known = new Map<string, MountInfo | undefined>();
  const resolve = (path: string): MountInfo | undefined => {
    if (known.has(path)) return known.get(path);
    const above = path === '/' ? top : resolve(path.slice(0, path.lastIndexOf('/')) || '/');
    const found = above === undefined ? undefined : onto(above, path);
    known.set(path, found);
    return found;
  };
  return new Set(mounts.filter((mount) => resolve(mount.target) === mount));
}
