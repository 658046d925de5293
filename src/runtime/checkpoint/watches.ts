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

/** Where overlays are mounted, by their devices. */
export function overlaysIn(mountinfo: string): ReadonlyMap<number, string> {
  const mounts = mountinfo.matchAll(/^\d+ \d+ (\d+):(\d+) \S+ (\S+) .* - overlay /gm);
  return new Map(
    [...mounts].map(([, major, minor, point = '']) => [
      Number(major) * 2 ** 20 + Number(minor),
      point.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    ]),
  );
}

const searchMs = 120_000;

/** @returns paths as the container sees them; of what has no name any more none */
export async function watchedOnOverlays(
  host: Host,
  root: number,
  watches: readonly Watch[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (watches.length === 0) return [];
  const overlays = overlaysIn(nameFromBytes(await host.read(`/proc/${root}/mountinfo`, {}, signal)));
  const top = `/proc/${root}/root`;
  const found: string[] = [];
  for (const [device, point] of overlays) {
    const inodes = [...new Set(watches.filter((one) => one.device === device).map(({ inode }) => inode))];
    if (inodes.length === 0) continue;
    const which = inodes.flatMap((inode, index) => [...(index === 0 ? [] : ['-o']), '-inum', String(inode)]);
    const argv = ['find', `${top}${point}`, '-xdev', '(', ...which, ')', '-printf', '%i %p\\0'] as const;
    const { stdout } = await host.run(argv, { okCodes: [0, 1], timeoutMs: searchMs }, signal);
    const paths = new Map<string, string>();
    for (const line of nameFromBytes(stdout).split('\0')) {
      const [inode = ''] = line.split(' ', 1);
      if (inode !== '' && !paths.has(inode))
        paths.set(inode, line.slice(inode.length + 1 + top.length).replace(/^\/*/, '/'));
    }
    found.push(...paths.values());
  }
  return found;
}
