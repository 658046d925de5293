/**
 * A recovery whose files are all back: from then on the machine may start from its disks, so nobody takes them without being asked, and an attempt
 * that was cut off after that is finished, and not begun anew.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../host/host.ts';
import { placeIn } from '../host/place-in.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import { parsePlan, type Plan, sourceDigest } from '../layout/rebuild/document.ts';
import { markStartable, marksOn, shortOf } from '../layout/rebuild/mark.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import { changedSince } from './going-on.ts';
import { newMounts } from './mounts.ts';
import { makeOwnPlaces } from './new-root.ts';
import { ownDisksNow } from './own-disks.ts';
import { does, namesDisks, partsOf, type RecoverRequest } from './request.ts';

/** In the recovered system: the plan by which its disks were made. */
export const planFile = '/var/lib/lifeboat/recovery-plan.json';

interface Filled {
  readonly plan: Plan;
  /** Id of the point whose files are there, and written to the disks. */
  readonly point: string;
  readonly root: string;
  /** The machine when that was mounted. */
  readonly layout: Layout;
}

/** Before anything is written that starts them by BIOS; by UEFI a loader among these files may do that. */
export async function markFilled(
  { plan, point, root, layout }: Filled,
  host: Host,
  signal: AbortSignal,
  find: typeof ownDisksNow = ownDisksNow,
): Promise<void> {
  if (plan.disks.length > 0) {
    await makeOwnPlaces(root, host, signal);
    await writeFileAtomic(await placeIn(root, planFile), JSON.stringify(plan));
  }
  await markStartable(await find(plan, layout, host, signal), host, signal, point);
}

interface Met {
  /** The machine as it is now. */
  readonly here: Layout;
  /** As it was when the point was made. */
  readonly captured: Layout;
  /** Id of the point. */
  readonly point: string;
  /** Somebody wants nothing of an earlier attempt. */
  readonly beginAnew: boolean;
}

/** What is done of a whole recovery that was asked for: of one that was cut off when all files were back, the rest. */
export async function leftToDo(
  request: RecoverRequest,
  met: Met,
  say: (message: { readonly type: 'note'; readonly text: string }) => void,
  host: Host,
  signal: AbortSignal,
): Promise<RecoverRequest> {
  const isWhole = does(request, 'recreate') && does(request, 'end');
  if (!isWhole || namesDisks(request) || met.beginAnew || !(await isFilled(met, host, signal))) return request;
  const text = `all files of the point ${met.point} are on these disks already, of a recovery that was cut off: it is finished. To build the disks anew instead, name one: --map OLD=NEW`;
  say({ type: 'note', text });
  return { ...request, parts: partsOf({ mountOnly: false, layoutOnly: false, filesOnly: false, from: 'finalize' }) };
}

/** All disks of an attempt at this machine are here, with all files of this point, and it did not come to its end. */
async function isFilled(
  { here, captured, point }: Omit<Met, 'beginAnew'>,
  host: Host,
  signal: AbortSignal,
): Promise<boolean> {
  const of = sourceDigest(captured);
  const { marks } = await marksOn(disksOf(here), host, signal);
  const own = [...marks.values()].filter((mark) => mark.of === of && mark.recovered === undefined);
  const [first] = own;
  if (first === undefined || own.some(({ plan, filled }) => plan !== first.plan || filled !== point)) return false;
  const there = new Set(own.map(({ disk }) => shortOf(disk)));
  return first.disks.every((disk) => there.has(disk));
}

/**
 * The plan that is kept in a recovered system, where its disks are still what that made of them.
 *
 * @param standing what of the machine was put together and mounted
 * @returns else why it is not
 */
export async function keptPlan(
  root: string,
  standing: Plan,
  host: Host,
  signal: AbortSignal,
): Promise<Plan | { readonly why: string }> {
  const content = await readIfThere(await placeIn(root, planFile));
  if (content === undefined) return { why: 'none is kept there' };
  let plan: Plan;
  try {
    plan = parsePlan(JSON.parse(content.toString('utf8')));
  } catch (error) {
    return { why: `that which is kept there cannot be read: ${asLifeboatError(error).message}` };
  }
  if (plan.of !== standing.of) return { why: 'that which is kept there is for the machine as it was at another time' };
  if (!isDeepStrictEqual(mounted(plan), mounted(standing)))
    return { why: 'by that which is kept there other filesystems are mounted' };
  const why = await changedSince(plan, true, host, signal);
  return why === undefined ? plan : { why };
}

const mounted = ({ layout }: Plan): readonly string[] =>
  newMounts(layout).map(({ path, type, options }) => [path, type, ...options].join(' '));
