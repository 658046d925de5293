/** A loop device: a file that is seen as a disk. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing } from '../handler.ts';
import { holderOf, mountIds } from '../mount-place.ts';
import type { Probes } from '../probes.ts';
import { type Backing, losetupArgv, parseLosetup } from '../tools/losetup.ts';
import type { BlockDevice } from '../tools/lsblk.ts';

const schema = z.object({
  kind: z.literal('loop'),
  ...common,
  /** Path as last seen: no identity. */
  device: z.string(),
  /** Path of the file that it shows. */
  file: z.string(),
  /** The file has no name any more: it is gone with the device. */
  removed: z.literal(true).exactOptional(),
  sizeBytes: bytes,
  readOnly: z.boolean(),
  /** From where in the file on, and how much of it, where that is not all. */
  offsetBytes: bytes.exactOptional(),
  limitBytes: bytes.exactOptional(),
  sectorSize: bytes.exactOptional(),
  /** The kernel looks for a partition table on it. */
  partitions: z.boolean(),
  directIo: z.boolean(),
});

type Loop = z.infer<typeof schema>;

export const loop: LayoutHandler<Loop> = {
  kind: 'loop',
  schema,
  under: [...carriers, 'mount'],
  askedBy: ['losetup'],
  async look(devices, asker) {
    // A device that shows no file has no size.
    if (!devices.some(({ type, sizeBytes }) => type === 'loop' && sizeBytes > 0)) return devices;
    const files = await asker.ask({ argv: losetupArgv, parse: parseLosetup });
    const seen = new Map<string, number>();
    return devices.map((device) => {
      const backing = files?.get(device.number);
      if (backing === undefined) return device;
      const again = seen.get(viewOf(backing)) ?? 0;
      seen.set(viewOf(backing), again + 1);
      return { ...device, backing: again === 0 ? backing : { ...backing, again } };
    });
  },
  deviceId({ backing }) {
    if (backing === undefined) return undefined;
    return `loop:${backing.again === undefined ? '' : `${backing.again + 1}. `}${viewOf(backing)}`;
  },
  async capture(probes) {
    return probes.devices.flatMap((device): Loop[] => {
      const { backing } = device;
      if (backing === undefined) return [];
      return [
        {
          kind: 'loop',
          id: probes.ids.get(device.number) ?? device.number,
          on: placeOf(device, probes),
          device: device.path,
          file: backing.file,
          sizeBytes: device.sizeBytes,
          readOnly: device.readOnly,
          partitions: backing.partitions,
          directIo: backing.directIo,
          ...present({
            removed: backing.removed ? (true as const) : undefined,
            offsetBytes: backing.offsetBytes || undefined,
            limitBytes: backing.limitBytes || undefined,
            sectorSize: backing.sectorSize ?? device.logicalSector,
          }),
        },
      ];
    });
  },
  title: ({ device, file, removed, sizeBytes, offsetBytes, readOnly }) =>
    [
      `loop ${device}`,
      formatBytes(sizeBytes),
      offsetBytes === undefined ? `of ${file}` : `of ${file} from ${formatBytes(offsetBytes)} on`,
      removed === true ? 'which has been removed' : undefined,
      readOnly ? 'read-only' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  '),
  coverage({ removed }, { carrying }) {
    if (carrying) return undefined;
    return missing(
      removed === true
        ? 'its file has been removed: no path leads to it'
        : 'its file is not held, and nothing on it is',
    );
  },
  volatile: ['device'],
  // An image that somebody has mounted; one that belongs to the host is in fstab.
  passing: () => true,
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

/** A path begins with "/", so no other path looks like one with an offset before it. */
function viewOf({ file, offsetBytes }: Backing): string {
  return offsetBytes === 0 ? file : `${offsetBytes} in ${file}`;
}

/**
 * The mount that holds the file. A path may lead elsewhere by now: what the kernel says of the file's filesystem comes first, and a file
 * never lies on what its own device shows.
 */
function placeOf({ number, backing }: BlockDevice, probes: Probes): string[] {
  if (backing === undefined) return [];
  const own = new Set(onTop(number, probes.devices));
  const others = probes.mounts.map((mount) =>
    own.has(probes.deviceOfMount(mount)?.number ?? '') ? { ...mount, hidden: true as const } : mount,
  );
  const there = others.map((mount) =>
    mount.number === backing.filesystem ? mount : { ...mount, hidden: true as const },
  );
  const index = holderOf(backing.file, there) ?? holderOf(backing.file, others);
  const id = index === undefined ? undefined : mountIds(probes.mounts)[index];
  return id === undefined ? [] : [id];
}

/** A device and all that stand on it. */
function onTop(number: string, devices: readonly BlockDevice[]): string[] {
  return [
    number,
    ...devices.flatMap((device) => (device.parents.includes(number) ? onTop(device.number, devices) : [])),
  ];
}
