/** EFI system partitions: where the restored system mounts them, and what firmware knows them by. */
import type { ComponentOf } from '../layout/types.ts';
import type { Layers } from './layers.ts';

type Partition = ComponentOf<'partition'>;

export interface Esp {
  /** In the restored system. */
  readonly path: string;
  /** One, or each leg of the RAID that it is on. */
  readonly legs: readonly Leg[];
}

export interface Leg {
  readonly partition: Partition;
  /** GUID, in lower case; of an MBR as Linux names it. */
  readonly partUuid: string;
  /** Path of its disk. */
  readonly disk: string;
}

/** FAT filesystems on a partition for it, mounted at the usual places or any other; the usual ones first. */
export function espsOf(now: Layers): readonly Esp[] {
  const usual = ['/boot/efi', '/efi', '/boot'];
  const rank = (path: string): number => (usual.includes(path) ? usual.indexOf(path) : usual.length);
  const found = now.mounts.flatMap(({ path, on, mounted, root }): Esp[] => {
    const [id = ''] = on;
    if (!mounted || root !== '/' || now.get(id)?.kind !== 'vfat') return [];
    const legs = now.under(id).flatMap((one) => (one.kind === 'partition' ? legOf(one, now) : []));
    const typed = legs.some(({ partition: { typeId = '' } }) => espTypes.has(typeId.toLowerCase()));
    return legs.length > 0 && (typed || usual.includes(path)) ? [{ path, legs }] : [];
  });
  return found.toSorted((one, other) => rank(one.path) - rank(other.path));
}

export const espTypes: ReadonlySet<string> = new Set(['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', '0xef']);

function legOf(partition: Partition, now: Layers): Leg[] {
  const disk = now.under(partition.id).find(({ kind }) => kind === 'multipath' || kind === 'disk');
  const device = disk !== undefined && 'device' in disk ? disk.device : undefined;
  if (partition.partUuid === undefined || device === undefined) return [];
  return [{ partition, partUuid: partition.partUuid.toLowerCase(), disk: device }];
}

/** The names by which firmware looks for a loader on a disk of which it has no entry. */
export const removableNames: Readonly<Record<string, string>> = {
  x86_64: 'BOOTX64.EFI',
  aarch64: 'BOOTAA64.EFI',
  i686: 'BOOTIA32.EFI',
  i386: 'BOOTIA32.EFI',
  riscv64: 'BOOTRISCV64.EFI',
};
