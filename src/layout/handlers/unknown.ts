/** Whatever no other handler knows, so that nothing on the host is left out: devices, and members of RAID, LVM, LUKS. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, common, harmless, type LayoutHandler, missing, text } from '../handler.ts';
import { contentGroup, deviceKind } from '../identity.ts';

const schema = z.object({
  kind: z.literal('unknown'),
  ...common,
  device: text,
  /** What the tools call it: `lvm`, `raid1`, `loop`, `crypto_LUKS`, … */
  rawType: z.string(),
  uuid: text,
  label: text,
  sizeBytes: bytes,
});

type Unknown = z.infer<typeof schema>;

export const unknown: LayoutHandler<Unknown> = {
  kind: 'unknown',
  schema,
  async capture(probes) {
    const isMember = new Set(
      probes.devices.filter(({ fstype }) => contentGroup(fstype) === 'member').map(({ number }) => number),
    );
    const devices = probes.devices
      .filter((device) => deviceKind(device) === 'unknown' && !probes.isClaimed(device))
      .map(
        (device): Unknown => ({
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
      .filter((device) => probes.contentKindOf(device) === 'unknown')
      .map(
        (device): Unknown => ({
          kind: 'unknown',
          id: probes.contentIds.get(device.number) ?? device.number,
          on: [probes.ids.get(device.number) ?? device.number],
          rawType: device.fstype ?? 'unknown',
          sizeBytes: device.sizeBytes,
          ...present({ uuid: device.uuid, label: device.label }),
        }),
      );
    return [...devices, ...contents];

    function memberOn(number: string): string | undefined {
      return isMember.has(number) ? probes.contentIds.get(number) : undefined;
    }
  },
  title: ({ rawType, device, sizeBytes, label }) =>
    [rawType, device, formatBytes(sizeBytes), label === undefined ? undefined : `"${label}"`, 'not yet handled']
      .filter((part) => part !== undefined)
      .join('  '),
  coverage({ rawType, sizeBytes }, { carrying }) {
    if (sizeBytes === 0) return harmless('not in use: it has no size');
    return missing(
      carrying
        ? `${rawType} is not yet handled: recovery cannot make it anew; what stands on it is listed by itself`
        : `${rawType} is not yet handled`,
    );
  },
  volatile: ['device'],
  // An image that somebody has mounted, or memory; one that belongs to the host is in fstab.
  passing: ({ rawType }) => ['loop', 'zram', 'ram'].includes(rawType),
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};
