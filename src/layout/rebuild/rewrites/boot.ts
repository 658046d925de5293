/** How a machine starts, after a rule has changed what it starts from. */
import type { ComponentOf, Layout } from '../../types.ts';
import { edited } from './edit.ts';

type Boot = ComponentOf<'boot'>;

/** With other firmware: entries, loaders, and what the old one said of itself are not there any more. */
export function startedBy(layout: Layout, firmware: Boot['firmware'], partitions: BootPartitions): Layout {
  return edited(layout, (component) => {
    if (component.kind === 'loader') return [];
    if (component.kind !== 'boot') return [component];
    const {
      efi: _efi,
      secureBoot: _secure,
      firmwareBits: _bits,
      startedBy: _started,
      disks: _disks,
      ...boot
    } = component;
    return [{ ...boot, firmware, disks: { partitions: [...partitions] } }];
  });
}

type BootPartitions = NonNullable<Boot['disks']>['partitions'];

/** What a machine starts from, without these partitions. */
export function startsOf(layout: Layout, without: ReadonlySet<string>): BootPartitions {
  const boot = layout.components.find(({ kind }) => kind === 'boot');
  if (boot?.kind !== 'boot') return [];
  return (boot.disks?.partitions ?? []).filter(({ id }) => !without.has(id));
}
