/** Which directories of which version of cgroups a process is in, and what they allow it. */
import type { Asker } from '../../host/asker.ts';
import { filesV1, parseV1 } from '../cgroup/read-v1.ts';
import { filesV2, parseV2 } from '../cgroup/read-v2.ts';
import type { Limits } from '../model/limits.ts';
import { contentsOf } from './contents.ts';

export interface CgroupMount {
  readonly version: 1 | 2;
  /** Of version 1: `cpu`, `memory`, …, and `name=systemd`. */
  readonly controllers: readonly string[];
  /** Which part of the hierarchy is seen there. */
  readonly root: string;
  readonly point: string;
}

const mountLine = /^\d+ \d+ \S+ (\S+) (\S+) \S+(?: \S+)* - (cgroup2?) \S+ (\S+)$/gm;

/** Out of `/proc/self/mountinfo`. */
export function parseCgroupMounts(mountinfo: string): CgroupMount[] {
  return [...mountinfo.matchAll(mountLine)].map(([, root = '/', point = '', type, options = '']) => ({
    version: type === 'cgroup2' ? 2 : 1,
    controllers: type === 'cgroup2' ? [] : options.split(','),
    root,
    point,
  }));
}

/**
 * Directory by controller; that of version 2 under ``.
 *
 * @param membership `/proc/<pid>/cgroup`
 */
export function cgroupDirectories(membership: string, mounts: readonly CgroupMount[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, names = '', path = ''] of membership.matchAll(/^\d+:([^:]*):(\/.*)$/gm)) {
    for (const controller of names.split(',')) {
      const mount = mounts.find(({ version, controllers }) =>
        names === '' ? version === 2 : controllers.includes(controller),
      );
      if (mount === undefined) continue;
      const root = mount.root === '/' ? '' : mount.root;
      if (path === root || path.startsWith(`${root}/`))
        found.set(controller, `${mount.point}${path.slice(root.length)}`);
    }
  }
  return found;
}

/** The path of the container's cgroup: where version 1 has many, that of memory, which every runtime limits. */
export function cgroupPath(membership: string): string | undefined {
  const lines = [...membership.matchAll(/^\d+:([^:]*):(\/.*)$/gm)];
  const line =
    lines.find(([, names]) => names?.split(',').includes('memory')) ?? lines.find(([, names]) => names === '');
  return line?.[2];
}

/** What the kernel holds the process to; `undefined` where nobody tells. */
export async function captureLimits(
  asker: Asker,
  membership: string,
  mounts: readonly CgroupMount[],
): Promise<Limits | undefined> {
  const directories = cgroupDirectories(membership, mounts);
  const ofV1 = Object.entries(filesV1).flatMap(([controller, files]) => {
    const directory = directories.get(controller);
    return directory === undefined ? [] : files.map((file) => `${directory}/${file}`);
  });
  const unified = directories.get('');
  // A host has the controllers in one version or in the other; in the mixed mode version 2 has none of them.
  const version = ofV1.length > 0 ? 1 : 2;
  const paths = version === 1 ? ofV1 : unified === undefined ? [] : filesV2.map((file) => `${unified}/${file}`);
  const contents = await contentsOf(asker, 'limits of cgroups', paths);
  if (contents.size === 0) return undefined;
  const files = new Map([...contents].map(([path, content]) => [path.replace(/^.*\//, ''), content]));
  return version === 1 ? parseV1(files) : parseV2(files);
}
