import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, common, harmless, type LayoutHandler, missing, text } from '../handler.ts';
import { deviceKind } from '../identity.ts';
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
});

type Disk = z.infer<typeof schema>;

export const disk: LayoutHandler<Disk> = {
  kind: 'disk',
  schema,
  under: ['logical-drive'],
  async capture(probes, asker) {
    const controllers = await askRaid(probes, asker);
    const logical = new Map(
      controllers.flatMap((one) => one.logical).map(({ id, device }) => [device?.number, id] as const),
    );
    const disks = probes.devices.filter((device) => deviceKind(device) === 'disk');
    return disks.map((device) => ({
      kind: 'disk' as const,
      id: probes.ids.get(device.number) ?? device.number,
      on: [logical.get(device.number) ?? []].flat(),
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
      component.removable ? 'removable' : undefined,
      component.readOnly ? 'read-only' : undefined,
    ]
      .filter((part) => part !== undefined && part !== '')
      .join('  ');
  },
  coverage({ sizeBytes, removable }, { carrying }) {
    if (carrying) return undefined;
    if (sizeBytes === 0 || removable) return harmless('no content was seen on it; it is removable or empty');
    return missing('no filesystem or partition was seen on it: if it holds data, nothing of it is backed up');
  },
  // Whether a medium lies in a drive, and where it was found in this boot, is no state of the host. What a logical drive is made of
  // is its own business.
  volatile: ['device', 'on'],
  passing: ({ removable }) => removable,
  risk(difference) {
    if (difference.change === 'added') return 'data';
    if (difference.change === 'removed') return 'recovery';
    const { attribute, before, component } = difference;
    if (attribute === 'sizeBytes') return component.sizeBytes < before.sizeBytes ? 'recovery' : 'appearance';
    return attribute === 'logicalSector' || attribute === 'readOnly' ? 'recovery' : 'appearance';
  },
};
