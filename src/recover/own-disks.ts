/** The disks of a recovered system, as they are called now, and what their marks say of it. */
import type { Host } from '../host/host.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { markStartable } from '../layout/rebuild/mark.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { ComponentOf } from '../layout/types.ts';
import { standingDisks } from './standing.ts';

/** Ids of those of the plan; where nothing is built anew, of those that the system stands on. */
export function ownDisks({ disks, layout }: Plan): readonly string[] {
  return disks.length > 0 ? disks.map(({ id }) => id) : standingDisks(layout, layout);
}

export async function ownDisksNow(
  plan: Plan,
  host: Host,
  signal: AbortSignal,
): Promise<readonly ComponentOf<'disk'>[]> {
  const own = new Set(ownDisks(plan));
  const now = withWholeDisks(await captureLayout(host, new Date(), signal));
  return disksOf(now).filter(({ id }) => own.has(id));
}

/**
 * UEFI finds a loader among files that came back, and may know it by an entry of then: from here on somebody may start the
 * machine. By BIOS nothing starts before the code for it is written.
 */
export async function markFilled(
  plan: Plan,
  firmware: 'bios' | 'uefi',
  host: Host,
  signal: AbortSignal,
  find: typeof ownDisksNow = ownDisksNow,
): Promise<void> {
  if (firmware === 'uefi') await markStartable(await find(plan, host, signal), host, signal);
}
