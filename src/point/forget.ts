/** Forgetting points: what would go and stay, and doing it so that what stays is whole at any moment. */
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { type Catalogue, catalogue, type EngineRepository, neededIn } from './catalogue.ts';
import type { LocalRecords } from './local-records.ts';
import { folderOf, nameIn, parseAttestationName, recordKeys } from './names.ts';
import { hasRecord, isUnreadable, listFolder, putRecord, readRecord, removeRecord } from './record-objects.ts';
import { lasting } from './recoveries.ts';
import type { Trust } from './point.ts';
import { type ListedPoint, removePoint } from './records.ts';
import { basesOf, type Candidate, candidateOf, decide, type Rules } from './retention.ts';

const FORGOTTEN_FORMAT = 'lifeboat.forgotten/1';

/** Says that a point is being forgotten, so that a repeat finishes what was interrupted, and nobody repairs it. */
const forgottenSchema = z.object({ format: z.literal(FORGOTTEN_FORMAT), point: z.string(), at: z.iso.datetime() });

export interface PlannedPoint {
  readonly id: string;
  readonly createdAt: string;
  readonly arrivedAt: string;
  readonly trust: Trust;
  /** Of all its objects in the repository. */
  readonly bytes: number;
  readonly why: readonly string[];
}

export interface ForgetPlan {
  readonly keep: readonly PlannedPoint[];
  /** In the order in which they go: no point before those that build upon it. */
  readonly forget: readonly PlannedPoint[];
  /** Records that cannot be used: they and their data stay. */
  readonly unusable: readonly { readonly key: string; readonly problem: string }[];
}

/** What the rules say. @throws LifeboatError as {@link catalogue} */
export async function planByRules(
  repository: EngineRepository,
  host: string,
  local: LocalRecords,
  rules: Rules,
  nowMs: number,
  signal: AbortSignal,
): Promise<ForgetPlan> {
  const known = await catalogue(repository, host, local, signal);
  const decisions = decide(candidatesOf(known), rules, nowMs);
  const why = new Map(decisions.map((one) => [one.id, one]));
  return await planned(repository, host, known, (id) => why.get(id) ?? { keep: true, why: [] }, signal);
}

/**
 * These points and no others.
 *
 * @param ids whole ids
 * @throws LifeboatError `refused` when another point builds upon one of them, or it is pinned; `not-found`; as {@link catalogue}
 */
export async function planByName(
  repository: EngineRepository,
  host: string,
  local: LocalRecords,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ForgetPlan> {
  const known = await catalogue(repository, host, local, signal);
  const going = new Set(ids);
  const pinned = known.points.find(({ point, pin }) => going.has(point.id) && pin !== undefined);
  if (pinned?.pin !== undefined) {
    throw new LifeboatError('refused', `the point ${pinned.point.id} is pinned: ${pinned.pin.reason}`, {
      hint: `To forget it all the same, unpin it first: lifeboat points unpin ${pinned.point.id}`,
    });
  }
  const stays = (id: string) => !going.has(id);
  const needed = basesOf(candidatesOf(known), stays).find(({ base }) => going.has(base));
  if (needed !== undefined) {
    throw new LifeboatError('refused', `the point ${needed.id} builds upon ${needed.base}, and would be lost with it`, {
      hint: `Forget both, or keep both: lifeboat points forget ${[...going, needed.id].join(' ')}`,
    });
  }
  return await planned(
    repository,
    host,
    known,
    (id) => (going.has(id) ? { keep: false, why: ['named'] } : { keep: true, why: ['not named'] }),
    signal,
  );
}

/** Points with unusable records too, as what these need must stay. */
function candidatesOf({ points, unusable }: Catalogue): Candidate[] {
  return [
    ...points.map(candidateOf),
    ...[...unusable].map(
      ([id, references]): Candidate => ({
        id,
        createdMs: 0,
        arrivedMs: 0,
        trust: 'stored',
        pinned: 'its record cannot be used',
        references,
      }),
    ),
  ];
}

async function planned(
  repository: EngineRepository,
  host: string,
  { points, damaged }: Catalogue,
  decision: (id: string) => { readonly keep: boolean; readonly why: readonly string[] },
  signal: AbortSignal,
): Promise<ForgetPlan> {
  const sizes = await sizesOf(repository, host, signal);
  const all = points.map((one) => {
    const { keep, why } = decision(one.point.id);
    const { id, createdAt } = one.point;
    const arrivedAt = new Date(one.arrivedMs).toISOString();
    return { keep, point: { id, createdAt, arrivedAt, trust: one.trust, bytes: sizes.get(id) ?? 0, why }, one };
  });
  const going = new Map(all.filter(({ keep }) => !keep).map(({ point, one }) => [point.id, { point, one }]));
  return {
    keep: all.filter(({ keep }) => keep).map(({ point }) => point),
    forget: dependentsFirst([...going.values()].map(({ one }) => one)).flatMap((id) => going.get(id)?.point ?? []),
    unusable: damaged.map(({ key, error }) => ({ key, problem: error.message })),
  };
}

/** Bytes of everything in the repository, by point. */
async function sizesOf({ target, engine }: EngineRepository, host: string, signal: AbortSignal) {
  const sizes = new Map<string, number>();
  const add = (id: string | undefined, size: number) => {
    if (id !== undefined) sizes.set(id, (sizes.get(id) ?? 0) + size);
  };
  for await (const { pointId, size } of engine.stored({ target, hostName: host }, signal)) add(pointId, size);
  for (const kind of ['points', 'captures', 'escrow'] as const)
    for (const { key, size } of await listFolder(target, host, kind, signal)) add(nameIn(host, kind, key), size);
  for (const { key, size } of await listFolder(target, host, 'attestations', signal))
    add(parseAttestationName(nameIn(host, 'attestations', key) ?? '')?.point, size);
  return sizes;
}

/**
 * Whether what was decided can still be done.
 *
 * @param known as it is now
 * @throws LifeboatError `refused` when another point was made upon one that goes, or one of them was pinned since
 */
export function checkStillFree({ forget }: ForgetPlan, known: Catalogue): void {
  const going = new Set(forget.map(({ id }) => id));
  const needed = neededIn({ ...known, points: known.points.filter(({ point }) => !going.has(point.id)) });
  const hint = 'Decide anew: run the command again.';
  for (const { id } of forget) {
    if (needed.has(id))
      throw new LifeboatError('refused', `since it was decided to forget ${id}, another point was made upon it`, {
        hint,
      });
    const pin = known.points.find(({ point }) => point.id === id)?.pin;
    if (pin !== undefined)
      throw new LifeboatError('refused', `since it was decided to forget ${id}, it was pinned: ${pin.reason}`, {
        hint,
      });
  }
}

/** Ids in an order in which none stands before one that builds upon it. */
export function dependentsFirst(points: readonly ListedPoint[]): string[] {
  const byId = new Map(points.map((one) => [one.point.id, one]));
  const done = new Set<string>();
  const order: string[] = [];
  const visit = (id: string) => {
    const one = byId.get(id);
    if (one === undefined || done.has(id)) return;
    done.add(id);
    for (const base of one.point.data.references) visit(base);
    order.unshift(id);
  };
  for (const { point } of points) visit(point.id);
  return order;
}

/**
 * Forgets a point that nothing builds upon: its record first, so that what is on record always has its data. Can be
 * repeated, and after an interruption {@link unfinished} names it.
 */
export async function forgetPoint(
  repository: EngineRepository,
  host: string,
  local: LocalRecords,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { target, engine, keys } = repository;
  if (!(await isForgotten(repository, host, id, signal))) {
    // What is there is none of ours, and would be in the way.
    await removeRecord(repository, host, 'forgotten', id, signal);
    await putRecord(repository, host, 'forgotten', id, tombstone(id), signal);
  }
  await local.remove(id);
  await removePoint(repository, host, id, signal);
  const attestations = await listFolder(target, host, 'attestations', signal);
  const stays = lasting(attestations, host);
  for (const { key } of attestations) {
    const isOf = parseAttestationName(nameIn(host, 'attestations', key) ?? '')?.point === id;
    if (isOf && !stays.has(key)) await target.remove(key, signal);
  }
  await engine.discard({ target, hostName: host, pointId: id, sealing: keys }, signal);
  await removeRecord(repository, host, 'forgotten', id, signal);
}

function tombstone(id: string) {
  return { format: FORGOTTEN_FORMAT, point: id, at: new Date().toISOString() };
}

/** Whether somebody with a key of ours has begun to forget this point. */
async function isForgotten(
  repository: EngineRepository,
  host: string,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const key of recordKeys(host, 'forgotten', id)) {
    try {
      const { point } = await readRecord(repository, key, forgottenSchema, FORGOTTEN_FORMAT, signal);
      if (point === id) return true;
    } catch (error) {
      if (!isUnreadable(error) && !(error instanceof LifeboatError && error.code === 'not-found')) throw error;
    }
  }
  return false;
}

/** Points that were being forgotten when something came between. */
export async function unfinished(repository: EngineRepository, host: string, signal: AbortSignal): Promise<string[]> {
  const ids = new Set<string>();
  for await (const { key } of repository.target.list(folderOf(host, 'forgotten'), signal)) {
    const id = nameIn(host, 'forgotten', key);
    if (id !== undefined && (await isForgotten(repository, host, id, signal))) ids.add(id);
  }
  return [...ids];
}

/**
 * Finishes what was interrupted, of points that are off the record. One whose record still stands is left to a new decision.
 *
 * @param needed ids of points that others build upon
 */
export async function finishForgetting(
  repository: EngineRepository,
  host: string,
  local: LocalRecords,
  needed: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<string[]> {
  const finished: string[] = [];
  for (const id of await unfinished(repository, host, signal)) {
    if (await isOnRecord(repository, host, id, signal)) await removeRecord(repository, host, 'forgotten', id, signal);
    else if (!needed.has(id)) {
      await forgetPoint(repository, host, local, id, signal);
      finished.push(id);
    }
  }
  return finished;
}

/** By its key, whatever a list says. */
export async function isOnRecord(
  { target }: Pick<EngineRepository, 'target'>,
  host: string,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  return await hasRecord({ target }, host, 'points', id, signal);
}
