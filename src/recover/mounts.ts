/** Which filesystems a recovered machine has, in the order in which they are mounted, and how. */
import type { Component, ComponentOf, Layout } from '../layout/types.ts';

type Mount = ComponentOf<'mount'>;

export interface NewMount {
  /** In the recovered system. */
  readonly path: string;
  /** Id of the filesystem, and of what it lies on. */
  readonly filesystem: string;
  readonly on: string;
  readonly type: string;
  /** Without these what is restored would be otherwise; the rest is for the recovered system itself. */
  readonly options: readonly string[];
}

/** What the kernel calls otherwise. */
const drivers: Readonly<Record<string, string>> = { ntfs: 'ntfs3', fuseblk: 'ntfs3' };

/** By kind: which of the options of then decide how files are stored, or seen. */
const telling: Readonly<Record<string, RegExp>> = {
  btrfs: /^(compress(-force)?(=.+)?|nodatacow|nodatasum)$/,
  vfat: /^(uid|gid|umask|fmask|dmask|codepage|iocharset|shortname)=.+$|^utf8$/,
  exfat: /^(uid|gid|umask|fmask|dmask|iocharset)=.+$/,
  ntfs: /^(uid|gid|umask|fmask|dmask|iocharset)=.+$/,
};

/**
 * @param layout as the disks are built: with the mounts of the machine as it was captured
 * @returns the root first, and each after that which holds its directory
 */
export function newMounts({ components }: Layout): readonly NewMount[] {
  const byId = new Map(components.map((component) => [component.id, component]));
  return components
    .filter((one): one is Mount => one.kind === 'mount' && isOwn(one))
    .flatMap((mount): NewMount[] => {
      const [shown] = mount.on.flatMap((id) => byId.get(id) ?? []);
      const filesystem = below(shown, byId);
      const [on] = filesystem?.on ?? [];
      if (filesystem === undefined || on === undefined || !('type' in filesystem)) return [];
      const { type } = filesystem;
      const rule = telling[type];
      const kept = rule === undefined ? [] : mount.options.split(',').filter((option) => rule.test(option));
      const subvolume = type === 'btrfs' ? [`subvol=${mount.root}`] : [];
      const options = ['noatime', ...subvolume, ...kept];
      return [{ path: mount.path, filesystem: filesystem.id, on, type: drivers[type] ?? type, options }];
    })
    .toSorted((a, b) => depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1));
}

/** Absolute paths of what was mounted from a disk, and is no filesystem of the new machine: its files are left out, too. */
export function leftOutPlaces(captured: Layout, mounts: readonly string[]): readonly string[] {
  const there = new Set(mounts);
  const were = captured.components.filter((one): one is Mount => one.kind === 'mount' && isOwn(one));
  return were.map(({ path }) => path).filter((path) => path !== '/' && !there.has(path));
}

/** What was mounted from a disk when it was captured, and is not a second view of the same. */
const isOwn = ({ mounted, hidden, category, on }: Mount): boolean =>
  mounted && hidden !== true && category === 'local' && on.length === 1;

/** The filesystem that a subvolume is in. */
function below(component: Component | undefined, byId: ReadonlyMap<string, Component>): Component | undefined {
  let at = component;
  while (at?.kind === 'subvolume') at = byId.get(at.on[0] ?? '');
  return at;
}

const depth = (path: string): number => path.split('/').filter((name) => name !== '').length;
