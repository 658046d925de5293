/** Bcache: a device behind a cache has all of its own device but for a superblock, and its cache all of another. */
import type { ComponentOf } from '../../types.ts';
import { plainRoom, type Room } from '../room.ts';

type Bcache = ComponentOf<'bcache'>;
type BcacheSet = ComponentOf<'bcache-set'>;

const offsetOf = ({ geometry }: Bcache): number => geometry?.dataOffsetBytes ?? 0;

export const bcacheRoom = plainRoom<Bcache>({
  sizeBytes: (component) => (component.sizeBytes ?? 0) + offsetOf(component),
  overhead: offsetOf,
  resized: (component, { bytes }) => ({ ...component, sizeBytes: bytes - offsetOf(component) }),
});

/** What is in it lies on the devices behind it as well: it is no larger for what stands on it. */
export const bcacheSetRoom: Room<BcacheSet> = {
  needs: ({ sizeBytes }) => [{ least: sizeBytes, usual: sizeBytes, grows: false }],
  most: (_, __, above) => above.map(() => 0),
  fitted: (component, [share], above) => ({
    component: { ...component, sizeBytes: share?.bytes ?? component.sizeBytes },
    left: above.map(() => ({ bytes: 0 })),
  }),
};
