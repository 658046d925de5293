/** Whether an attempt that was cut off can be gone on with: what it built has to be there still, and nobody else's. */
import type { Host } from '../host/host.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { disksNow } from '../layout/rebuild/disks-now.ts';
import { type Plan, planDigest } from '../layout/rebuild/document.ts';
import { markAction, marksOn } from '../layout/rebuild/mark.ts';
import { disksOf, siteOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';

/**
 * @param isBuilt all of the plan was carried out; before that, who goes on with it looks at each disk before writing
 * @returns in words, why the disks are no longer as the attempt has left them
 */
export async function changedSince(
  plan: Plan,
  isBuilt: boolean,
  host: Host,
  signal: AbortSignal,
  look: typeof captureLayout = captureLayout,
): Promise<string | undefined> {
  const own = disksOf(plan.layout);
  const now = await disksNow(host, own, signal);
  const gone = own.find(({ id }) => !now.has(id));
  if (gone !== undefined) return `the disk ${gone.id} is not here any more`;
  const marked = new Set(isBuilt ? plan.actions.map(({ id }) => id) : []);
  const bare = isBuilt ? plan.disks.flatMap(({ id }) => (marked.has(markAction(id)) ? [] : [id])) : [];
  const another = await otherOn(bare, plan, async () => await look(host, new Date(), signal));
  if (another !== undefined) return `what is on the disk ${another} is not what was made on it`;
  const disks = own.flatMap((disk) => {
    const path = now.get(disk.id)?.path;
    return path === undefined || !marked.has(markAction(disk.id)) ? [] : [{ ...disk, device: path }];
  });
  const { marks, silent } = await marksOn(disks, host, signal);
  const digest = planDigest(plan);
  const other = disks.find(({ id }) => marks.get(id)?.plan !== digest);
  if (other === undefined) return undefined;
  return silent.has(other.id)
    ? `the disk ${other.id} does not answer`
    : `the disk ${other.id} does not bear its mark any more`;
}

/** Of disks that are used as a whole, and have no room for a mark, the first on which something else lies than the plan made. */
async function otherOn(disks: readonly string[], plan: Plan, look: () => Promise<Layout>): Promise<string | undefined> {
  if (disks.length === 0) return undefined;
  const found = siteOf(withWholeDisks(await look()).components);
  const there = new Set(found.order.map(({ id }) => id));
  const made = siteOf(plan.layout.components);
  return disks.find((disk) =>
    made.above(disk).some(({ id }) => !there.has(id) || !found.disksUnder(id).includes(disk)),
  );
}
