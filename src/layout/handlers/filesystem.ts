import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { LayoutHandler } from '../handler.ts';
import { contentKind } from '../identity.ts';
import type { ComponentOf } from '../types.ts';

export const filesystem: LayoutHandler<'filesystem'> = {
  kind: 'filesystem',
  capture(probes) {
    const found = new Map<string, ComponentOf<'filesystem'>>();
    const spaces = new Map(
      probes.mounts.flatMap((mount) => {
        const number = probes.deviceOfMount(mount)?.number;
        const space = probes.space.get(mount.target);
        return number === undefined || space === undefined ? [] : [[number, space] as const];
      }),
    );
    for (const device of probes.devices) {
      if (contentKind(device.fstype) !== 'filesystem') continue;
      const id = probes.contentIds.get(device.number) ?? device.number;
      const under = probes.ids.get(device.number) ?? device.number;
      const known = found.get(id);
      const space = spaces.get(device.number);
      const sizeBytes = space?.sizeBytes ?? device.fsSizeBytes ?? device.sizeBytes;
      const usedBytes = space?.usedBytes ?? device.fsUsedBytes ?? known?.usedBytes;
      found.set(id, {
        kind: 'filesystem',
        id,
        on: [...(known?.on ?? []), under],
        type: device.fstype ?? 'unknown',
        sizeBytes: Math.max(sizeBytes, known?.sizeBytes ?? 0),
        ...present({ uuid: device.uuid, label: device.label, usedBytes }),
      });
    }
    return { components: [...found.values()], gaps: [] };
  },
  title({ type, label, uuid, sizeBytes, usedBytes }) {
    const size =
      usedBytes === undefined ? formatBytes(sizeBytes) : `${formatBytes(usedBytes)} of ${formatBytes(sizeBytes)} used`;
    return [type, size, label === undefined ? undefined : `"${label}"`, uuid]
      .filter((part) => part !== undefined)
      .join('  ');
  },
};
