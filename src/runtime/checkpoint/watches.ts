/**
 * What processes watch by inotify on overlays, as roots of containers are: there CRIU cannot open a file by its handle, and looks for the name
 * only where it is told to.
 */
import type { Host } from '../../host/host.ts';
import { nameFromBytes } from '../../kernel/text.ts';

export interface Watch {
  readonly inode: number;
  /** As the kernel numbers it: the major number above 20 bits of the minor one. */
  readonly device: number;
}

/** @param told of open files in `/proc/<pid>/fdinfo` */
export function parseWatches(told: string): readonly Watch[] {
  return [...told.matchAll(/^inotify wd:\S+ ino:([0-9a-f]+) sdev:([0-9a-f]+) /gm)].map(
    ([, inode = '', device = '']) => ({
      inode: parseInt(inode, 16),
      device: parseInt(device, 16),
    }),
  );
}

/** Where overlays, or parts of them, are mounted, by their devices. */
export function overlaysIn(mountinfo: string): ReadonlyMap<number, readonly string[]> {
  const points = new Map<number, string[]>();
  for (const [, major, minor, point = ''] of mountinfo.matchAll(/^\d+ \d+ (\d+):(\d+) \S+ (\S+) .* - overlay /gm)) {
    const device = Number(major) * 2 ** 20 + Number(minor);
    const plain = point.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    points.set(device, [...(points.get(device) ?? []), plain]);
  }
  return points;
}

const searchMs = 120_000;

export interface Watched {
  /** As the container sees them. */
  readonly paths: readonly string[];
  /** How many of them have no name there any more. */
  readonly nameless: number;
}

export async function watchedOnOverlays(
  host: Host,
  root: number,
  watches: readonly Watch[],
  signal: AbortSignal,
): Promise<Watched> {
  if (watches.length === 0) return { paths: [], nameless: 0 };
  const overlays = overlaysIn(nameFromBytes(await host.read(`/proc/${root}/mountinfo`, {}, signal)));
  const paths: string[] = [];
  let nameless = 0;
  for (const [device, points] of overlays) {
    const left = new Set(watches.filter((one) => one.device === device).map(({ inode }) => inode));
    for (const point of points) {
      for (const [inode, path] of await namesOf(host, `/proc/${root}/root`, point, left, signal)) {
        if (left.delete(inode)) paths.push(path);
      }
    }
    nameless += left.size;
  }
  return { paths, nameless };
}

/** Of these inodes on one filesystem. */
async function namesOf(
  host: Host,
  top: string,
  point: string,
  inodes: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<readonly (readonly [number, string])[]> {
  if (inodes.size === 0) return [];
  const which = [...inodes].flatMap((inode, index) => [...(index === 0 ? [] : ['-o']), '-inum', String(inode)]);
  const argv = ['find', `${top}${point}`, '-xdev', '(', ...which, ')', '-printf', '%i %p\\0'] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1], timeoutMs: searchMs }, signal);
  return nameFromBytes(stdout)
    .split('\0')
    .slice(0, -1)
    .map((line) => {
      const blank = line.indexOf(' ');
      return [Number(line.slice(0, blank)), line.slice(blank + 1 + top.length).replace(/^\/*/, '/')] as const;
    });
}
