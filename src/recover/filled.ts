/**
 * A recovery whose files are all back: from then on the machine may start from its disks, so nobody takes them without being asked, and an attempt
 * that was cut off after that is finished, and not begun anew.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { placeIn } from '../host/place-in.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { parseDocument } from '../kernel/document.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import { parsePlan, type Plan, planSchema, sourceDigest } from '../layout/rebuild/document.ts';
import { type Mark, markStartable, marksOn, shortOf } from '../layout/rebuild/mark.ts';
import { type ConsentPolicy, isNamedBy } from '../layout/rebuild/policy.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import { changedSince } from './going-on.ts';
import { newMounts } from './mounts.ts';
import { makeOwnPlaces } from './new-root.ts';
import { ownDisksNow } from './own-disks.ts';
import { does, namesDisks, partsOf, type RecoverRequest } from './request.ts';

/** In the recovered system: the plan by which its disks were made, and what else was asked for. */
export const planFile = '/var/lib/lifeboat/recovery-plan.json';
const planFormat = 'lifeboat.recovery-plan/1';

const askedSchema = z.object({
  exclude: z.array(z.string()),
  rewrite: z.array(z.string()),
  grow: z.boolean(),
  clone: z.boolean(),
});

const keptSchema = z.object({ format: z.literal(planFormat), plan: planSchema, asked: askedSchema });

type Asked = Pick<RecoverRequest, 'grow' | 'clone' | 'names'>;

/** Which disks are taken is in the plan. */
const askedOf = ({ names: { exclude, rewrite }, grow, clone }: Asked): z.infer<typeof askedSchema> => ({
  exclude: [...exclude],
  rewrite: [...rewrite],
  grow,
  clone,
});

interface Filled {
  readonly plan: Plan;
  readonly request: RecoverRequest;
  /** Id of the point whose files are there, and written to the disks. */
  readonly point: string;
  readonly root: string;
  /** The machine when that was mounted. */
  readonly layout: Layout;
}

/**
 * Before anything is written that starts them by BIOS; by UEFI a loader among these files may do that. Of disks that were not built for it nothing
 * is said but that the machine may start.
 *
 * @returns why the plan is not kept; the disks are marked all the same
 */
export async function markFilled(
  { plan, request, point, root, layout }: Filled,
  host: Host,
  signal: AbortSignal,
  find: typeof ownDisksNow = ownDisksNow,
): Promise<string | undefined> {
  const isWhole = does(request, 'recreate') && does(request, 'end');
  const why = isWhole ? await keepPlan(plan, request, root, host, signal) : undefined;
  const filled = isWhole ? { point, unattended: request.unattended !== undefined } : 'none';
  await markStartable(await find(plan, layout, host, signal), host, signal, filled);
  return why;
}

async function keepPlan(
  plan: Plan,
  request: Asked,
  root: string,
  host: Host,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await makeOwnPlaces(root, host, signal);
    const content = JSON.stringify({ format: planFormat, plan, asked: askedOf(request) });
    await writeFileAtomic(await placeIn(root, planFile), content);
    return undefined;
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (code === 'interrupted') throw error;
    return message;
  }
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
  /** Of an unattended recovery: all of them agree to what it does. */
  readonly policies: readonly (ConsentPolicy | 'ask')[];
}

/** What is done of a whole recovery that was asked for: of one that was cut off when all files were back, the rest. */
export async function remaining(
  request: RecoverRequest,
  met: Met,
  say: (message: { readonly type: 'note'; readonly text: string }) => void,
  host: Host,
  signal: AbortSignal,
): Promise<RecoverRequest> {
  const isWhole = does(request, 'recreate') && does(request, 'end');
  if (!isWhole || namesDisks(request) || met.beginAnew) return request;
  const disks = await filledDisks(met, host, signal);
  if (disks === undefined || (request.unattended !== undefined && !isAgreed(disks, met))) return request;
  const text = `all files of the point ${met.point} are on these disks already, of a recovery that was cut off: it is finished. To build the disks anew instead, name one: --map OLD=NEW`;
  say({ type: 'note', text });
  const rest = partsOf({ mountOnly: false, layoutOnly: false, filesOnly: false, from: 'finalize' });
  return { ...request, parts: rest, finishing: true };
}

/** With nobody there: what was begun with nobody there, on disks that may be taken now, too. */
function isAgreed(disks: ReadonlyMap<string, Mark>, { here, policies }: Met): boolean {
  if (policies.includes('ask') || [...disks.values()].some(({ filled }) => filled?.unattended === false)) return false;
  const naming = policies.filter((policy) => typeof policy === 'object');
  return disksOf(here).every((disk) => !disks.has(disk.id) || naming.every((one) => isNamedBy(one, disk)));
}

/**
 * The disks of one attempt at this machine, of which all that have a mark are here, with all files of this point, and which did not come to its end;
 * `undefined` where there is none, or several.
 */
async function filledDisks(
  { here, captured, point }: Pick<Met, 'here' | 'captured' | 'point'>,
  host: Host,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Mark> | undefined> {
  const of = sourceDigest(captured);
  const { marks } = await marksOn(disksOf(here), host, signal);
  const own = new Map([...marks].filter(([, mark]) => mark.of === of && mark.recovered === undefined));
  const [first] = own.values();
  if (first === undefined || [...own.values()].some(({ plan }) => plan !== first.plan)) return undefined;
  // They are marked one after the other, when the files of all are written.
  const said = [...own.values()].flatMap(({ filled }) => filled?.point ?? []);
  if (said.length === 0 || said.some((one) => one !== point)) return undefined;
  const there = new Set([...own.keys()].map(shortOf));
  return first.disks.every((disk) => there.has(disk)) ? own : undefined;
}

/**
 * The plan that is kept in a recovered system, where its disks are still what that made of them.
 *
 * @param standing what of the machine was put together and mounted
 * @returns else why it is not
 * @throws LifeboatError `refused` where it cannot be known that what is to be finished is all there, and what was asked for
 */
export async function keptPlan(
  root: string,
  standing: Plan,
  request: RecoverRequest,
  host: Host,
  signal: AbortSignal,
): Promise<Plan | { readonly why: string }> {
  const kept = await readKept(root, standing, host, signal);
  if (!('why' in kept)) {
    if (!request.finishing || isDeepStrictEqual(kept.asked, askedOf(request))) return kept.plan;
    throw refused('it was begun with other options (--exclude, --rewrite, --grow, --clone) than are given now');
  }
  if (request.finishing) throw refused(`the plan by which it was made cannot be had: ${kept.why}`);
  return kept;
}

const refused = (why: string): LifeboatError =>
  new LifeboatError(
    'refused',
    `a recovery was cut off here when all files were back, and is not finished by itself: ${why}`,
    {
      hint: 'Give the same options as then; or finish what is there with "lifeboat recover --from finalize"; or build it anew: --map OLD=NEW.',
    },
  );

async function readKept(
  root: string,
  standing: Plan,
  host: Host,
  signal: AbortSignal,
): Promise<z.infer<typeof keptSchema> | { readonly why: string }> {
  const content = await readIfThere(await placeIn(root, planFile));
  if (content === undefined) return { why: 'none is kept there' };
  let kept: z.infer<typeof keptSchema>;
  try {
    const read = parseDocument(content, keptSchema, planFormat, planFile);
    kept = { ...read, plan: parsePlan(read.plan) };
  } catch (error) {
    return { why: asLifeboatError(error).message };
  }
  const { plan } = kept;
  if (plan.of !== standing.of) return { why: 'that which is kept there is for the machine as it was at another time' };
  if (!isDeepStrictEqual(mounted(plan), mounted(standing)))
    return { why: 'by that which is kept there other filesystems are mounted' };
  const why = await changedSince(plan, true, host, signal);
  return why === undefined ? kept : { why };
}

const mounted = ({ layout }: Plan): readonly string[] =>
  newMounts(layout).map(({ path, type, options }) => [path, type, ...options].join(' '));
