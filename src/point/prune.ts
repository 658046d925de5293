/**
 * What no record refers to: left by runs that were killed. It goes only when it is certain that nobody needs it, for what a
 * lost record refers to looks the same.
 */
import { LifeboatError } from '../kernel/errors.ts';
import { type Catalogue, catalogue, type EngineRepository, neededIn, pointIdOf } from './catalogue.ts';
import { forgetPoint, isOnRecord, unfinished } from './forget.ts';
import type { LocalRecords } from './local-records.ts';
import { nameIn, parseAttestationName, type RecordKind } from './names.ts';
import { isUnreadable, listFolder } from './record-objects.ts';
import { lasting } from './recoveries.ts';

/** Objects of one point that is not on record. */
export interface Leftover {
  readonly id: string;
  readonly objects: number;
  readonly bytes: number;
  readonly newest: string;
  readonly why: string;
  /** Whether it looks as if its record was lost. */
  readonly lost: boolean;
  /** Whether its data is complete, as that of a point is that was on record: rules are no consent to remove it. */
  readonly whole: boolean;
}

export interface PrunePlan {
  readonly remove: readonly Leftover[];
  readonly keep: readonly Leftover[];
}

interface Gathered {
  objects: number;
  bytes: number;
  newestMs: number;
  readonly has: Set<'data' | RecordKind>;
}

/**
 * @param nowMs by the clock of the target, as the times of its objects are
 * @throws LifeboatError as {@link catalogue}
 */
export async function planPrune(
  repository: EngineRepository,
  host: string,
  local: LocalRecords,
  { graceMs, nowMs }: { readonly graceMs: number; readonly nowMs: number },
  signal: AbortSignal,
): Promise<PrunePlan> {
  const known = await catalogue(repository, host, local, signal);
  const recorded = await recordedIds(repository, host, known, signal);
  const halfForgotten = new Set(await unfinished(repository, host, signal));
  const needed = neededIn(known);
  // What this host put on record and has not forgotten.
  const own = new Set((await local.list()).map(({ id }) => id));
  const remove: Leftover[] = [];
  const keep: Leftover[] = [];
  for (const [id, gathered] of await gather(repository, host, signal)) {
    if (recorded.has(id)) continue;
    const { objects, bytes, newestMs, has } = gathered;
    const leftover = { id, objects, bytes, newest: new Date(newestMs).toISOString() };
    const repair = 'its record was lost: see lifeboat points repair';
    const stays = (why: string, lost: boolean) => keep.push({ ...leftover, why, lost, whole: false });
    const goes = (why: string, whole = false) => remove.push({ ...leftover, why, lost: false, whole });
    if (needed.has(id)) stays(`another point builds upon it, and ${repair}`, true);
    else if (halfForgotten.has(id)) goes('was being forgotten');
    else if (own.has(id) && has.has('data')) stays(`this host has put it on record, and ${repair}`, true);
    else if (newestMs > nowMs - graceMs) stays('is too young', false);
    // LUKS headers and captures are stored in the moment before the record, attestations after it.
    else if (has.has('data') && (has.has('escrow') || has.has('captures') || has.has('attestations')))
      stays(repair, true);
    else if (has.has('data') && recorded.size === 0) stays(`no point is on record at all: perhaps ${repair}`, true);
    else if (has.has('data') && (await isWhole(repository, host, id, signal)))
      goes('its data is whole: if it ever was on record, see lifeboat points repair', true);
    else goes('never came to be on record');
  }
  return { remove, keep };
}

/** What rules agree to: data that is whole stays, until a person agrees to this very plan. */
export function byRulesAlone({ remove, keep }: PrunePlan): PrunePlan {
  const stays = remove.filter(({ whole }) => whole).map((one) => ({ ...one, lost: true }));
  return { remove: remove.filter(({ whole }) => !whole), keep: [...keep, ...stays] };
}

/** Whether it has a manifest, which is stored last; a damaged one was whole, too. */
async function isWhole(
  { target, engine, keys }: EngineRepository,
  host: string,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await engine.recover({ target, hostName: host, pointId: id, sealing: keys }, signal);
    return true;
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    if (error.code === 'not-found') return false;
    if (error.code === 'archive-damaged' || isUnreadable(error)) return true;
    throw error;
  }
}

/** Also of records that cannot be used: their data is not ours to judge. */
async function recordedIds(
  { target }: EngineRepository,
  host: string,
  { points }: Catalogue,
  signal: AbortSignal,
): Promise<Set<string>> {
  const ids = new Set(points.map(({ point }) => point.id));
  for (const { key } of await listFolder(target, host, 'points', signal)) {
    const id = pointIdOf(host, key);
    if (id !== undefined) ids.add(id);
  }
  return ids;
}

async function gather({ target, engine }: EngineRepository, host: string, signal: AbortSignal) {
  const found = new Map<string, Gathered>();
  const add = (id: string | undefined, what: 'data' | RecordKind, size: number, mtimeMs: number) => {
    if (id === undefined) return;
    const one = found.get(id) ?? { objects: 0, bytes: 0, newestMs: 0, has: new Set() };
    one.objects += 1;
    one.bytes += size;
    one.newestMs = Math.max(one.newestMs, mtimeMs);
    one.has.add(what);
    found.set(id, one);
  };
  for await (const { pointId, size, mtimeMs } of engine.stored({ target, hostName: host }, signal))
    add(pointId, 'data', size, mtimeMs);
  for (const kind of ['captures', 'escrow', 'attestations', 'forgotten'] as const) {
    const listed = await listFolder(target, host, kind, signal);
    const stays = lasting(listed, host);
    for (const { key, size, mtimeMs } of listed) {
      if (stays.has(key)) continue;
      const name = nameIn(host, kind, key);
      add(kind === 'attestations' ? parseAttestationName(name ?? '')?.point : name, kind, size, mtimeMs);
    }
  }
  return found;
}

/**
 * Removes what is left of a point, unless its record is there: asked for by its key, for a list may be stale.
 *
 * @returns whether it was removed
 */
export async function removeLeftover(
  repository: EngineRepository,
  host: string,
  local: LocalRecords,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (await isOnRecord(repository, host, id, signal)) return false;
  await forgetPoint(repository, host, local, id, signal);
  return true;
}
