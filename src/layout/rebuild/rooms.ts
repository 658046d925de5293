/** What the space solver knows of each kind: the one list. */
import type { Component, ComponentOf, Kind } from '../types.ts';
import type { Room } from './room.ts';
import { bcacheRoom, bcacheSetRoom } from './rooms/bcache.ts';
import { btrfsRoom } from './rooms/btrfs.ts';
import { cryptRoom, luksRoom } from './rooms/encrypted.ts';
import { filesystemRoom } from './rooms/filesystems.ts';
import { lvRoom, pvRoom, vgRoom } from './rooms/lvm.ts';
import { mdRoom } from './rooms/md.ts';
import { diskRoom, partitionRoom, tableRoom } from './rooms/partitions.ts';

/** They lie in something that is there anyway, or only refer to it. */
const roomless: ReadonlySet<Kind> = new Set(['mount', 'subvolume', 'boot', 'loader']);

/** Whether it takes room of what it stands on. */
export function takesRoom(component: Component): boolean {
  return !roomless.has(component.kind) && !(component.kind === 'swap' && component.file !== undefined);
}

/** Swap may become smaller by half: how much of it a host needs depends on its memory, and nothing is lost with it. */
const swapRoom: Room<ComponentOf<'swap'>> = {
  needs: ({ sizeBytes }) => [{ least: sizeBytes / 2, usual: sizeBytes, grows: false }],
  most: () => [],
  fitted: (component, [share]) => ({
    component: { ...component, sizeBytes: share?.bytes ?? component.sizeBytes },
    left: [],
  }),
};

const ownSize = (component: Component): number | undefined =>
  'sizeBytes' in component ? component.sizeBytes : undefined;

/** How much it takes for itself nobody knows: what carries something keeps all that it stood on. */
const fixed: Room<Component> = {
  needs(component, above, below) {
    const size = ownSize(component) ?? Math.max(0, ...above.map(({ need }) => need.least));
    return component.on.map((_, index) => {
      const bytes = above.length === 0 ? size : Math.max(size, below?.[index]?.gave ?? 0);
      return { least: bytes, usual: bytes, grows: false };
    });
  },
  most: (component, [limit = 0], above) => above.map(() => ownSize(component) ?? limit),
  fitted: (component, [share], above) => ({
    component,
    left: above.map(() => ({ bytes: ownSize(component) ?? share?.bytes ?? 0 })),
  }),
};

export type Rooms = (component: Component) => Room<Component>;

/**
 * The room of each component; a kind that is not listed keeps its size.
 *
 * @param grows of filesystems: whether one shall take what is left over
 */
export function roomsFor(grows: (component: Component) => boolean): Rooms {
  const rooms: { readonly [K in Kind]?: Room<ComponentOf<K>, Component> } = {
    disk: diskRoom,
    table: tableRoom,
    partition: partitionRoom,
    md: mdRoom,
    luks: luksRoom,
    crypt: cryptRoom,
    bcache: bcacheRoom,
    'bcache-set': bcacheSetRoom,
    pv: pvRoom,
    vg: vgRoom,
    lv: lvRoom,
    ext: filesystemRoom(grows),
    xfs: filesystemRoom(grows),
    btrfs: btrfsRoom(grows),
    f2fs: filesystemRoom(grows),
    swap: swapRoom,
  };
  const byKind = new Map<string, Room<Component>>(Object.entries(rooms));
  return ({ kind }) => byKind.get(kind) ?? fixed;
}
