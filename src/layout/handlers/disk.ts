import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, common, harmless, type LayoutHandler, missing, text } from '../handler.ts';
import { deviceKind } from '../identity.ts';
import { endpointId } from '../iscsi.ts';
import type { Probes } from '../probes.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { askRaid } from './hwraid/ask.ts';

const schema = z.object({
  kind: z.literal('disk'),
  ...common,
  /** Path as last seen: no identity. */
  device: z.string(),
  serial: text,
  wwn: text,
  model: text,
  vendor: text,
  /** `nvme`, `sata`, `sas`, `usb`, `virtio`, … */
  transport: text,
  busPath: text,
  sizeBytes: bytes,
  logicalSector: bytes.exactOptional(),
  physicalSector: bytes.exactOptional(),
  rotational: z.boolean(),
  removable: z.boolean(),
  readOnly: z.boolean(),
  /** One of several paths to a disk that multipath has joined, or nothing has. */
  path: z.literal(true).exactOptional(),
  /** Id of the disk that is the same, where nothing has joined its paths: what lies on it is told there. */
  sameAs: text,
});

type Disk = z.infer<typeof schema>;

export const disk: LayoutHandler<Disk> = {
  kind: 'disk',
  schema,
  under: ['logical-drive', 'iscsi'],
  askedBy: ['bus paths of disks', 'sessions of iSCSI'],
  async capture(probes, asker) {
    const controllers = await askRaid(probes, asker);
    const logical = new Map(
      controllers.flatMap((one) => one.logical).map(({ id, device }) => [device?.number, id] as const),
    );
    const disks = probes.devices.filter((device) => deviceKind(device) === 'disk');
    return disks.map((device) => ({
      kind: 'disk' as const,
      id: probes.ids.get(device.number) ?? device.number,
      on: [logical.get(device.number) ?? sessionOf(device, probes)].flat(),
      device: device.path,
      sizeBytes: device.sizeBytes,
      rotational: device.rotational,
      removable: device.removable || device.type === 'rom',
      readOnly: device.readOnly,
      ...present({
        serial: device.serial,
        wwn: device.wwn,
        model: device.model,
        vendor: device.vendor,
        transport: device.transport,
        busPath: probes.busPaths.get(device.number),
        path: device.inner === true || device.sameAs !== undefined ? (true as const) : undefined,
        sameAs: device.sameAs === undefined ? undefined : probes.ids.get(device.sameAs),
        logicalSector: device.logicalSector,
        physicalSector: device.physicalSector,
      }),
    }));
  },
  title(component) {
    const name = [component.vendor, component.model].filter(Boolean).join(' ');
    const serial = component.serial ?? component.wwn ?? component.busPath;
    return [
      `disk ${component.device}`,
      formatBytes(component.sizeBytes),
      name,
      serial,
      component.transport,
      component.rotational ? 'rotating' : undefined,
      component.sameAs === undefined ? undefined : `another path to ${component.sameAs}`,
      component.removable ? 'removable' : undefined,
      component.readOnly ? 'read-only' : undefined,
    ]
      .filter((part) => part !== undefined && part !== '')
      .join('  ');
  },
  coverage({ sizeBytes, removable, sameAs }, { carrying }) {
    if (carrying) return undefined;
    if (sameAs !== undefined) return harmless(`another path to ${sameAs}`);
    if (sizeBytes === 0 || removable) return harmless('no content was seen on it; it is removable or empty');
    return missing('no filesystem or partition was seen on it: if it holds data, nothing of it is backed up');
  },
  // Whether a medium lies in a drive, and where it was found in this boot, is no state of the host. What a logical drive is made of
  // is its own business.
  volatile: ['device', 'on'],
  passing: ({ removable }) => removable,
  risk(difference) {
    // Of a disk with several paths the whole is compared as what joins them.
    if (difference.component.path === true) return 'appearance';
    if (difference.change === 'added') return 'data';
    if (difference.change === 'removed') return 'recovery';
    const { attribute, before, component } = difference;
    if (attribute === 'sizeBytes') return component.sizeBytes < before.sizeBytes ? 'recovery' : 'appearance';
    return attribute === 'logicalSector' || attribute === 'readOnly' ? 'recovery' : 'appearance';
  },
};

/** The session of iSCSI that a disk comes by. */
function sessionOf({ number }: BlockDevice, { sessions }: Probes): string[] {
  const session = sessions.ofDisk.get(number);
  return session === undefined ? [] : [endpointId(session)];
}
