/** Swap on a device. */
import { formatBytes } from '../../../kernel/units.ts';
import type { ComponentOf } from '../../types.ts';
import { type Builder, device, only, option } from '../builder.ts';

export const swapBuilder: Builder<ComponentOf<'swap'>> = {
  create(component) {
    if (component.file !== undefined) return [];
    const { uuid, label, sizeBytes } = component;
    return [
      {
        title: `make swap, ${formatBytes(sizeBytes)}`,
        commands: [
          {
            argv: [
              'mkswap',
              '--force',
              ...option('--uuid', uuid),
              ...option('--label', label),
              device(only(component)),
            ],
          },
        ],
      },
    ];
  },
  compared(component) {
    // Its line in fstab comes back with the files, and the system alone swaps to it.
    const { fstab: _, priority: __, ...rest } = component;
    return { ...rest, active: false };
  },
};
