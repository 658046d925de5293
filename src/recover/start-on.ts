/** A medium that was left in a machine that was recovered: the machine itself is started from there, and not again and again in vain. */
import type { Host } from '../host/host.ts';
import { heldDevices, letGo } from '../layout/rebuild/held.ts';
import { markStartedOn, marksOn } from '../layout/rebuild/mark.ts';
import { disksOf, siteOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import { bootOn } from '../rescue/boot-on.ts';

/** A system that does not start is back here sooner than that; one that does is started anew after longer. */
const againMs = 3_600_000;

/**
 * @param here the machine as it is now
 * @returns `again` where it was started from here a short while ago, and has come back; `never` where the firmware cannot be told to
 */
export async function startOn(
  here: Layout,
  now: Date,
  host: Host,
  signal: AbortSignal,
): Promise<'started' | 'again' | 'never'> {
  const site = siteOf(here.components);
  const { marks } = await marksOn(disksOf(here), host, signal);
  const own = disksOf(here).filter(({ id }) => marks.get(id)?.recovered !== undefined);
  const starts = own.flatMap(({ id }) => marks.get(id)?.recovered?.startedOn ?? []);
  if (starts.some((at) => Math.abs(now.getTime() - Date.parse(at)) < againMs)) return 'again';
  const ids = own.map(({ id }) => id);
  const partitions = here.components.flatMap((one) =>
    one.kind === 'partition' && site.disksUnder(one.id).some((disk) => ids.includes(disk)) ? [one] : [],
  );
  if (!(await bootOn(partitions, host, signal))) return 'never';
  const isHeld = await heldDevices(host, signal);
  for (const { device } of own) if (isHeld(device)) await letGo(device, host, signal);
  await markStartedOn(own, now, host, signal);
  return 'started';
}
