/** A machine that started by UEFI starts by BIOS: in place of its EFI system partition is one for the boot loader. */
import type { ComponentOf, Layout } from '../../types.ts';
import { startedBy, startsOf } from './boot.ts';
import { derivedUuid, emptied, ofKind, standingOn } from './edit.ts';
import { biosBootType, espTypes, partitionsIn } from './partitions.ts';
import type { Rewrite } from './rewrite.ts';
import { tableOn } from './uefi.ts';

const biosBootBytes = 1 << 20;

export const bios: Rewrite<ComponentOf<'disk'>> = {
  rule: 'bios',
  kinds: ['disk'],
  problem(disk, layout) {
    const esp = espOn(layout, disk.id);
    if (esp === undefined) return 'it has no EFI system partition';
    const above = new Set(standingOn(layout, esp.id).map(({ id }) => id));
    const place = ofKind(layout, 'mount').find(({ path, on }) => path === '/boot' && on.some((id) => above.has(id)));
    return place === undefined ? undefined : 'the kernels lie on the EFI system partition';
  },
  rewrite(disk, layout) {
    const [table, esp] = [tableOn(layout, disk.id), espOn(layout, disk.id)];
    if (table === undefined || esp === undefined) return { layout, notes: [] };
    const bare = emptied(layout, [esp.id]);
    const partUuid = derivedUuid('bios-boot', esp.id);
    const { name: _name, flags: _flags, role: _role, ...plain } = esp;
    const boot: ComponentOf<'partition'> = {
      ...plain,
      id: `partition:${partUuid}`,
      partUuid,
      sizeBytes: biosBootBytes,
      typeId: biosBootType,
    };
    // On an MBR the loader lies before the first partition.
    const isGpt = table.type === 'gpt';
    const kept = bare.components.some(({ id }) => id === table.id) ? bare.components : [...bare.components, table];
    const changed = isGpt ? { ...bare, components: [...kept, boot] } : bare;
    const start = { role: 'bios-boot' as const, id: boot.id, number: boot.number, partUuid, mounts: [] };
    const starts = [...startsOf(layout, new Set([esp.id])), ...(isGpt ? [start] : [])];
    return {
      layout: startedBy(changed, 'bios', starts),
      notes: [
        `the EFI system partition of ${disk.id} is not there any more`,
        'it starts by BIOS instead of UEFI, and needs a boot loader for that',
      ],
    };
  },
};

function espOn(layout: Layout, disk: string): ComponentOf<'partition'> | undefined {
  const table = tableOn(layout, disk);
  const types: ReadonlySet<string> = new Set([espTypes.gpt, espTypes.dos]);
  return table === undefined
    ? undefined
    : partitionsIn(layout, table).find(({ typeId = '' }) => types.has(typeId.toLowerCase()));
}
