/**
 * Disks as plans see them: one that is reached over several paths is one disk, and what brings a disk to the machine (a controller, a
 * session of iSCSI) is there or is not, but never made by a plan.
 */
import { type Component, type ComponentOf, handlerOf, type Kind, type Layout } from '../types.ts';

type Disk = ComponentOf<'disk'>;

/** What is below disks. Its settings are files, or the firmware's. */
const transports: ReadonlySet<Kind> = new Set(['raid-controller', 'logical-drive', 'iscsi']);

/** Done twice, it is the same. */
export function withWholeDisks(layout: Layout): Layout {
  const paths = new Map(layout.components.flatMap((one) => (one.kind === 'disk' ? [[one.id, one] as const] : [])));
  const joined = new Set(layout.components.flatMap((one) => (one.kind === 'multipath' ? one.on : [])));
  const components = layout.components.flatMap((component): Component[] => {
    const { kind, id, on } = component;
    if (kind === 'multipath') {
      const path = on.flatMap((one) => paths.get(one) ?? [])[0];
      return path === undefined ? [component] : [diskOver(path, component)];
    }
    if (transports.has(kind) || (kind === 'disk' && (joined.has(id) || component.sameAs !== undefined))) return [];
    return [kind === 'disk' ? { ...component, on: [] } : component];
  });
  return { ...layout, components };
}

/** The map as a disk: its paths say what it is. */
function diskOver(
  { busPath: _busPath, path: _path, ...disk }: Disk,
  { id, device, sizeBytes }: ComponentOf<'multipath'>,
): Disk {
  return { ...disk, id, on: [], device, sizeBytes };
}

/** Sessions that have to be there before a plan is made for their disks: to a person. */
export function sessionsIn({ components }: Layout): string[] {
  const used = new Set(components.flatMap((one) => (one.kind === 'disk' ? one.on : [])));
  return components.flatMap((one) =>
    one.kind === 'iscsi' && used.has(one.id)
      ? [`its disks are there once somebody has logged in: ${handlerOf(one).title(one)}`]
      : [],
  );
}

const mapPrefix = 'multipath:';

/** Whether a disk is a map of multipath, by its id. */
export const isMap = (disk: string): boolean => disk.startsWith(mapPrefix);

/** Where udev links a partition of a map, whatever kpartx calls it there. */
export const mapPartition = (disk: string, number: number): string =>
  `/dev/disk/by-id/dm-uuid-part${number}-mpath-${disk.slice(mapPrefix.length)}`;
