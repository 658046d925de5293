/** How small a filesystem may be made that shall hold what it held. What each kind is given in reserve is told in docs/plan.md. */
import type { Component, ComponentOf } from '../../types.ts';
import { type Room, roundUp, sum } from '../room.ts';

type Filesystem = ComponentOf<'ext' | 'xfs' | 'btrfs' | 'f2fs'>;

const mebibyte = 1 << 20;

/** Bytes that it takes at least. One of which nobody could see how full it is keeps its size. */
export function leastBytes(component: Filesystem): number {
  const { usedBytes, geometry, renewed } = component;
  if (usedBytes === undefined || (geometry === undefined && renewed !== true)) return component.sizeBytes;
  return Math.min(component.sizeBytes, roundUp(withReserve(component, usedBytes), mebibyte));
}

function withReserve(component: Filesystem, used: number): number {
  switch (component.kind) {
    case 'ext': {
      // As many inodes as it had: whoever chose more than usual has many small files.
      const inodes = (component.geometry?.inodeCount ?? 0) * (component.geometry?.inodeSize ?? 256);
      return used * 1.1 + inodes + (component.geometry?.journal?.sizeBytes ?? 0) + 64 * mebibyte;
    }
    case 'xfs': {
      const { log, blockSize = 0 } = component.geometry ?? {};
      const own = log?.external === false ? log.blockCount * blockSize : 0;
      // mkfs.xfs makes none below 300 MiB.
      return Math.max(300 * mebibyte, used * 1.1 + own + 64 * mebibyte);
    }
    case 'btrfs':
      return used * 1.25 * copiesOf(component) + 256 * mebibyte;
    case 'f2fs':
      return used * 1.25 + 128 * mebibyte;
  }
}

/** How often its data are on its devices; what is used is counted once. */
function copiesOf({ geometry }: ComponentOf<'btrfs'>): number {
  const { profiles = {} } = geometry ?? {};
  const names = profiles['data'] ?? profiles['data+metadata'] ?? [];
  return Math.max(1, ...names.map((name) => copies[name] ?? 1));
}

/** Of those with parity as much as with three devices, at least. */
const copies: Readonly<Record<string, number>> = {
  dup: 2,
  raid1: 2,
  raid10: 2,
  raid1c3: 3,
  raid1c4: 4,
  raid5: 1.5,
  raid6: 3,
};

/** @param grows whether one shall take what is left over */
export function filesystemRoom<C extends Filesystem>(grows: (component: Component) => boolean): Room<C> {
  return {
    needs(component) {
      const parts = Math.max(1, component.on.length);
      const { sizeBytes } = component;
      return component.on.map(() => ({
        least: leastBytes(component) / parts,
        usual: sizeBytes / parts,
        grows: grows(component),
      }));
    },
    most: () => [],
    fitted: (component, given) => ({
      component: { ...component, sizeBytes: sum(given.map(({ bytes }) => bytes)) },
      left: [],
    }),
  };
}
