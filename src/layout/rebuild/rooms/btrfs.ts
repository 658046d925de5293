/** Btrfs, which takes as much of each of its devices as it is told to. */
import type { Component, ComponentOf } from '../../types.ts';
import { type Room, roundDown, sum } from '../room.ts';
import { leastBytes } from './filesystems.ts';

type Btrfs = ComponentOf<'btrfs'>;

/** What it had of each thing that it stands on, in their order; alike where nobody could see that. */
function partsOf({ on, sizeBytes, geometry }: Btrfs): readonly number[] {
  const sizes = new Map(geometry?.devices?.map((one) => [one.on, one.sizeBytes]));
  return on.map((id) => sizes.get(id) ?? sizeBytes / Math.max(1, on.length));
}

/** @param grows whether one shall take what is left over */
export function btrfsRoom(grows: (component: Component) => boolean): Room<Btrfs> {
  return {
    needs(component) {
      const parts = partsOf(component);
      const least = leastBytes(component) / Math.max(1, sum(parts));
      return parts.map((usual) => ({ least: usual * least, usual, grows: grows(component) }));
    },
    most: () => [],
    fitted(component, given) {
      const { on, geometry } = component;
      const unit = geometry?.sectorSize ?? 4096;
      const sizes = new Map(on.map((id, index) => [id, roundDown(given[index]?.bytes ?? 0, unit)]));
      const devices = geometry?.devices?.map((one) => ({
        ...one,
        sizeBytes: sizes.get(one.on ?? '') ?? one.sizeBytes,
      }));
      return {
        component: {
          ...component,
          sizeBytes: sum([...sizes.values()]),
          ...(geometry === undefined
            ? {}
            : { geometry: { ...geometry, ...(devices === undefined ? {} : { devices }) } }),
        },
        left: [],
      };
    },
  };
}
