/** A layout by the places of the system that lies on it. */
import { isWithin } from '../layout/mount-place.ts';
import { type OrderedSite, siteOf } from '../layout/rebuild/site.ts';
import type { Component, ComponentOf, Kind, Layout } from '../layout/types.ts';

type Mount = ComponentOf<'mount'>;

export interface Layers {
  readonly layout: Layout;
  readonly tree: OrderedSite;
  get(id: string): Component | undefined;
  of<K extends Kind>(kind: K): readonly ComponentOf<K>[];
  /** Id of the filesystem or subvolume that shows a path of the system. */
  at(path: string): string | undefined;
  /** Its mounts, with their paths in it, those with the longest path last. */
  readonly mounts: readonly Mount[];
  /** A component and all that it stands on. */
  under(id: string): readonly Component[];
  /** All that stands on it, at any height. */
  over(id: string): readonly Component[];
}

/** @param root where the system is mounted that is looked at */
export function layersOf(layout: Layout, root = '/'): Layers {
  const tree = siteOf(layout.components);
  const byId = new Map(layout.components.map((one) => [one.id, one]));
  const prefix = root === '/' ? '' : root;
  const mounts = ofKind(layout, 'mount')
    .filter(({ path, hidden }) => hidden !== true && isWithin(path, root))
    .map((mount): Mount => ({ ...mount, path: mount.path.slice(prefix.length) || '/' }))
    .toSorted((one, other) => one.path.length - other.path.length);
  return {
    layout,
    tree,
    mounts,
    get: (id) => byId.get(id),
    of: (kind) => ofKind(layout, kind),
    at: (path) => {
      // What is only in fstab counts where nothing is mounted: a capture may have seen it so.
      const holders = mounts.filter((mount) => isWithin(path, mount.path) && mount.on.length > 0);
      return (holders.findLast(({ mounted }) => mounted) ?? holders.at(-1))?.on[0];
    },
    under: (id) => reached(id, (one) => one.on, byId),
    over: (id) => reached(id, (one) => tree.above(one.id).map((above) => above.id), byId).slice(1),
  };
}

const ofKind = <K extends Kind>(layout: Layout, kind: K): ComponentOf<K>[] =>
  layout.components.filter((one): one is ComponentOf<K> => one.kind === kind);

function reached(
  id: string,
  next: (one: Component) => readonly string[],
  byId: ReadonlyMap<string, Component>,
): Component[] {
  const seen = new Set([id]);
  for (const one of seen) {
    const component = byId.get(one);
    if (component !== undefined) for (const other of next(component)) seen.add(other);
  }
  return [...seen].flatMap((one) => byId.get(one) ?? []);
}

/** For whom layers are the same: a loader counts partitions, and the kernel does not care. */
export type For = 'loader' | 'kernel';

/** What a path lies on, without which disks they are. */
export function stackText(layers: Layers, path: string, whom: For): string {
  const id = layers.at(path);
  if (id === undefined) return '';
  const aside = new Set(layers.of('disk').flatMap((disk) => layers.under(disk.id).map((one) => one.id)));
  const lines = layers.under(id).flatMap((one): string[] => {
    if (aside.has(one.id) || one.kind === 'mount') return [];
    if (one.kind === 'table') return whom === 'loader' ? [`table ${one.type}`] : [];
    if (one.kind === 'partition') return whom === 'loader' ? [`partition ${one.number}`] : [];
    return [`${one.kind} ${one.id}`];
  });
  return [...new Set(lines)].toSorted().join('\n');
}

/** Whether all that a path lies on is as it was, but for the disks themselves. */
export function sameStack(captured: Layers, now: Layers, path: string, whom: For): boolean {
  const was = stackText(captured, path, whom);
  return was !== '' && was === stackText(now, path, whom);
}

export const disksUnder = (layers: Layers, id: string): readonly ComponentOf<'disk'>[] =>
  layers.under(id).filter((one): one is ComponentOf<'disk'> => one.kind === 'disk' && one.path !== true);

/** Whether what has this id lies on disks that may be written to. */
export function isWritable(disks: readonly string[] | undefined, now: Layers, id: string): boolean {
  return disks === undefined || [id, ...disksUnder(now, id).map((disk) => disk.id)].some((one) => disks.includes(one));
}

/** The disks that have taken the place of one: those with its partitions, or with what lay on it as a whole. */
export function disksNow(captured: Layers, now: Layers, disk: string): readonly ComponentOf<'disk'>[] {
  const stood = new Set(captured.over(disk).map(({ id }) => id));
  const partitions = now.of('partition').filter(({ id }) => stood.has(id));
  const same = now.of('disk').filter(({ id }) => id === disk);
  const found = partitions.length > 0 ? partitions.flatMap(({ id }) => disksUnder(now, id)) : same;
  if (found.length > 0) return [...new Set(found)];
  // Without a table, something else that stood on it alone tells.
  const whole = captured.tree.above(disk).filter(({ on }) => on.length === 1);
  return [...new Set(whole.flatMap(({ id }) => disksUnder(now, id)))];
}

/** The disks that a system lies on are those that it was captured on. */
export function sameDisks(captured: Layers, now: Layers): boolean {
  const disks = new Map(now.of('disk').map((disk) => [disk.id, disk]));
  const root = captured.at('/');
  if (root === undefined) return false;
  const used = captured.of('disk').filter(({ id }) => captured.over(id).length > 0);
  return used.every((disk) => {
    const here = disks.get(disk.id);
    return here !== undefined && here.busPath === disk.busPath && here.transport === disk.transport;
  });
}
