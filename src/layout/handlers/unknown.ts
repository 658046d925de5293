import { formatBytes } from '../../kernel/units.ts';
import type { LayoutHandler } from '../handler.ts';
import { contentKind, deviceKind } from '../identity.ts';
import type { ComponentOf } from '../types.ts';

/** Whatever no other handler knows, so that nothing on the host is left out: devices, and members of RAID, LVM, LUKS. */
export const unknown: LayoutHandler<'unknown'> = {
  kind: 'unknown',
  capture(probes) {
    const devices = probes.devices
      .filter((device) => deviceKind(device) === 'unknown')
      .map(
        (device): ComponentOf<'unknown'> => ({
          kind: 'unknown',
          id: probes.ids.get(device.number) ?? device.number,
          // On a member the device stands by way of it: partition → LVM2_member → volume.
          on: device.parents.map((number) => memberOn(number) ?? probes.ids.get(number) ?? number),
          device: device.path,
          rawType: /^(zram|ram|nbd|rbd|drbd|bcache|zd)\d/.exec(device.name)?.[1] ?? device.type,
          sizeBytes: device.sizeBytes,
        }),
      );
    const contents = probes.devices
      .filter(({ fstype }) => contentKind(fstype) === 'unknown')
      .map(
        (device): ComponentOf<'unknown'> => ({
          kind: 'unknown',
          id: probes.contentIds.get(device.number) ?? device.number,
          on: [probes.ids.get(device.number) ?? device.number],
          rawType: device.fstype ?? 'unknown',
          sizeBytes: device.sizeBytes,
        }),
      );
    return { components: [...devices, ...contents], gaps: [] };

    function memberOn(number: string): string | undefined {
      const id = probes.contentIds.get(number);
      return id?.startsWith('unknown:') === true ? id : undefined;
    }
  },
  title({ rawType, device, sizeBytes }) {
    return [rawType, device, formatBytes(sizeBytes), 'not yet handled'].filter((part) => part !== undefined).join('  ');
  },
};
