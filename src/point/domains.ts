/** The directories at which the walk of a backup comes to another device: mounts, and subvolumes that are seen in them. */
import { isWithin } from '../layout/mount-place.ts';
import type { ComponentOf, Layout } from '../layout/types.ts';
import { joined, relativeRoot, upwards } from './paths.ts';

export type Mount = ComponentOf<'mount'>;
export type Subvolume = ComponentOf<'subvolume'>;

/** A directory below which the walk stays on one device: that of a mount, or of a subvolume that is seen in one. */
export interface Domain {
  readonly path: string;
  readonly mount: Mount;
  readonly subvolume?: Subvolume;
}

export function isSnapshot({ readOnly, parentUuid }: Subvolume): boolean {
  return readOnly && parentUuid !== undefined;
}

/** Those that something can be read at. */
export const visibleMounts = ({ components }: Pick<Layout, 'components'>): readonly Mount[] =>
  components.filter(
    (component): component is Mount => component.kind === 'mount' && component.mounted && component.hidden !== true,
  );

/** The one that `path` is in. */
export function holding(domains: ReadonlyMap<string, Domain>, path: string): Domain | undefined {
  for (const at of upwards(path)) {
    const domain = domains.get(at);
    if (domain !== undefined) return domain;
  }
  return undefined;
}

/**
 * A directory that is mounted upon itself, as podman does with its storage: no border for a walk, and the same files as without it.
 */
function isOwnPlace(mount: Mount, byPath: ReadonlyMap<string, Mount>): boolean {
  if (mount.category !== 'bind' || mount.on.length === 0) return false;
  const under = upwards(mount.path)
    .slice(1)
    .map((path) => byPath.get(path))
    .find((found) => found !== undefined);
  return (
    under?.on[0] === mount.on[0] &&
    mount.root === joined(under?.root ?? '', relativeRoot(mount.path, under?.path ?? '/'))
  );
}

/** By path: the mounts, and the subvolumes that are seen below them and are no mounts themselves. */
export function domainsOf(layout: Pick<Layout, 'components'>): Map<string, Domain> {
  const all = visibleMounts(layout);
  const byPath = new Map(all.map((mount) => [mount.path, mount]));
  const visible = all.filter((mount) => !isOwnPlace(mount, byPath));
  const domains = new Map<string, Domain>(visible.map((mount) => [mount.path, { path: mount.path, mount }]));
  const subvolumes = new Map<string, Subvolume[]>();
  for (const component of layout.components) {
    if (component.kind !== 'subvolume') continue;
    for (const id of component.on) subvolumes.set(id, [...(subvolumes.get(id) ?? []), component]);
  }
  if (subvolumes.size === 0) return domains;
  const filesystemOf = new Map(
    [...subvolumes].flatMap(([id, list]) => [[id, id], ...list.map((one) => [one.id, id] as const)] as const),
  );
  for (const mount of visible) {
    const filesystem = mount.on.map((id) => filesystemOf.get(id)).find((id) => id !== undefined);
    for (const subvolume of subvolumes.get(filesystem ?? '') ?? []) {
      const full = `/${subvolume.path}`;
      if (full === mount.root || !isWithin(full, mount.root)) continue;
      const path = joined(mount.path, relativeRoot(full, mount.root));
      // Below another mount nobody sees it.
      const over = visible.find((one) => one !== mount && isWithin(path, one.path) && isWithin(one.path, mount.path));
      if (over === undefined) domains.set(path, { path, mount, subvolume });
    }
  }
  return domains;
}
