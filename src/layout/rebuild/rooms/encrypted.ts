/** LUKS and plain dm-crypt: what is before the data is theirs. */
import type { ComponentOf } from '../../types.ts';
import { plainRoom, type Room } from '../room.ts';

type Luks = ComponentOf<'luks'>;

const open = plainRoom<Luks>({
  sizeBytes: ({ sizeBytes }) => sizeBytes,
  // With a header that lies apart the data begin where it says, which may be at once.
  overhead: ({ geometry }) => geometry?.offsetBytes ?? 0,
  resized: (component, { bytes }) => ({ ...component, sizeBytes: bytes }),
});

/** How much room checksums take is known to the kernel alone: with them it keeps its size, as where it ends before its device does. */
export const luksRoom: Room<Luks> = {
  ...open,
  needs(component, above, below) {
    const { integrity, lengthBytes } = component.geometry ?? {};
    const isFixed = component.geometry === undefined || integrity !== undefined || lengthBytes !== undefined;
    const { sizeBytes } = component;
    if (isFixed) return component.on.map(() => ({ least: sizeBytes, usual: sizeBytes, grows: false }));
    return open.needs(component, above, below);
  },
};

export const cryptRoom = plainRoom<ComponentOf<'crypt'>>({
  sizeBytes: ({ sizeBytes, geometry }) => sizeBytes + (geometry?.offsetBytes ?? 0),
  overhead: ({ geometry }) => geometry?.offsetBytes ?? 0,
  resized: (component, { bytes }) => ({ ...component, sizeBytes: bytes - (component.geometry?.offsetBytes ?? 0) }),
});
