import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { LayoutHandler } from '../handler.ts';
import { contentKind } from '../identity.ts';
import type { ComponentOf } from '../types.ts';
import { holderOf, mountIds } from './mount.ts';

export const swap: LayoutHandler<'swap'> = {
  kind: 'swap',
  capture(probes) {
    const active = new Set(probes.swaps.map(({ path }) => path));
    const devices = probes.devices
      .filter(({ fstype }) => contentKind(fstype) === 'swap')
      .map(
        (device): ComponentOf<'swap'> => ({
          kind: 'swap',
          id: probes.contentIds.get(device.number) ?? device.number,
          on: [probes.ids.get(device.number) ?? device.number],
          sizeBytes: device.sizeBytes,
          active: active.has(device.path),
          ...present({ uuid: device.uuid, label: device.label }),
        }),
      );
    const ids = mountIds(probes.mounts);
    const files = probes.swaps
      .filter(({ isFile }) => isFile)
      .map(({ path, sizeBytes }): ComponentOf<'swap'> => {
        const holder = holderOf(path, probes.mounts);
        const id = holder === undefined ? undefined : ids[holder];
        return {
          kind: 'swap',
          id: `swap:file:${path}`,
          on: id === undefined ? [] : [id],
          sizeBytes,
          file: path,
          active: true,
        };
      });
    return { components: [...devices, ...files], gaps: [] };
  },
  title({ file, label, sizeBytes, active }) {
    const name = file ?? (label === undefined ? undefined : `"${label}"`);
    return ['swap', name, formatBytes(sizeBytes), active ? undefined : 'not in use']
      .filter((part) => part !== undefined)
      .join('  ');
  },
};
