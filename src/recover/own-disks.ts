/** The disks of a recovered system, as they are called now. */
import type { Host } from '../host/host.ts';
import { disksNow } from '../layout/rebuild/disks-now.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { ComponentOf, Layout } from '../layout/types.ts';
import { standingDisks } from './standing.ts';

/** Ids of those of the plan; where nothing is built anew, of those that the system stands on. */
export function ownDisks({ disks, layout }: Plan): readonly string[] {
  return disks.length > 0 ? disks.map(({ id }) => id) : standingDisks(layout, layout);
}

/** Of those that were there when the new root was mounted: one may be called otherwise since, or be gone. */
export async function ownDisksNow(
  plan: Plan,
  mounted: Layout,
  host: Host,
  signal: AbortSignal,
): Promise<readonly ComponentOf<'disk'>[]> {
  const own = new Set(ownDisks(plan));
  const disks = disksOf(mounted).filter(({ id }) => own.has(id));
  const now = await disksNow(host, disks, signal);
  return disks.flatMap((disk) => {
    const path = now.get(disk.id)?.path;
    return path === undefined ? [] : [{ ...disk, device: path }];
  });
}
