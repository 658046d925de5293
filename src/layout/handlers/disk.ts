import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { LayoutHandler } from '../handler.ts';
import { deviceKind } from '../identity.ts';

export const disk: LayoutHandler<'disk'> = {
  kind: 'disk',
  capture(probes) {
    const disks = probes.devices.filter((device) => deviceKind(device) === 'disk');
    return {
      gaps: [],
      components: disks.map((device) => ({
        kind: 'disk',
        id: probes.ids.get(device.number) ?? device.number,
        on: [],
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
          table: device.table,
          tableUuid: device.tableUuid,
        }),
      })),
    };
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
      component.table,
      component.rotational ? 'rotating' : undefined,
      component.removable ? 'removable' : undefined,
      component.readOnly ? 'read-only' : undefined,
    ]
      .filter((part) => part !== undefined && part !== '')
      .join('  ');
  },
};
