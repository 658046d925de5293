/**
 * All that is known of a host's points, for those who are about to remove some: the list, what a list of the target may have
 * left out, the records that cannot be used, and what builds upon what.
 */
import type { Engine } from '../engine/engine.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { inParallel } from '../kernel/parallel.ts';
import type { Unreadable } from './attestations.ts';
import type { LocalRecords } from './local-records.ts';
import { folderOf, nameIn, recordKeys } from './names.ts';
import { type Found, isUnreadable, type Repository } from './record-objects.ts';
import { cannotRead, listPoints, type ListedPoint, type PointList, readPoints, withTrust } from './records.ts';

export interface EngineRepository extends Repository {
  readonly engine: Engine;
}

export interface Catalogue {
  /** In the order in which they arrived. */
  readonly points: readonly ListedPoint[];
  /** Ids of points whose records are there and cannot be used, with what their data says they build upon. */
  readonly unusable: ReadonlyMap<string, readonly string[]>;
  readonly damaged: readonly Unreadable[];
}

/**
 * @param local copies of what this host recorded: a point of which the list says nothing is asked for by its key
 * @throws LifeboatError `no-key` where this host cannot read its records; `newer-format` when a newer lifeboat works there,
 *   of whose points we could not tell what they need
 */
export async function catalogue(
  repository: EngineRepository,
  host: string,
  local: LocalRecords,
  signal: AbortSignal,
): Promise<Catalogue> {
  if (cannotRead(repository)) {
    throw new LifeboatError('no-key', `this host stores points at ${repository.target.url} and cannot read them`, {
      hint: 'Do it where the recovery code or a host key that reads is: what a write-only host could remove, its intruder could.',
    });
  }
  const listed = await listPoints(repository, host, signal);
  const left = await leftOut(repository, host, listed, local, signal);
  const all = [...listed.points, ...left.points].toSorted((a, b) => a.arrivedMs - b.arrivedMs);
  const byId = new Map(all.map((one) => [one.point.id, one]));
  const points = all.map((one) => withTrust(one, byId));
  const damaged = [...listed.damaged, ...left.damaged];
  const newer = damaged.find(({ error }) => error.code === 'newer-format');
  if (newer !== undefined) throw newer.error;
  return { points, unusable: await readUnusable(repository, host, damaged, points, signal), damaged };
}

/** Ids of all points that any point builds upon. */
export function neededIn({ points, unusable }: Catalogue): Set<string> {
  return new Set([...points.map(({ point }) => point.data.references), ...unusable.values()].flat());
}

/** Whether a point that is on record, or that this host has recorded, builds upon this one. */
export async function isBuiltUpon(
  repository: Repository,
  host: string,
  local: LocalRecords,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const listed = cannotRead(repository) ? [] : (await listPoints(repository, host, signal)).points;
  const points = [...(await local.list()), ...listed.map(({ point }) => point)];
  return points.some(({ data }) => data.references.includes(id));
}

/** Points that this host has recorded, that are there, and that the list does not have: it is stale. */
async function leftOut(
  repository: EngineRepository,
  host: string,
  { points, damaged }: PointList,
  local: LocalRecords,
  signal: AbortSignal,
) {
  const known = new Set([...points.map(({ point }) => point.id), ...damaged.map(({ key }) => pointIdOf(host, key))]);
  const missing = (await local.list()).filter(({ id }) => !known.has(id));
  const keys = missing.flatMap(({ id }) => recordKeys(host, 'points', id));
  const { connections } = repository.target.traits;
  const stats = await inParallel(keys, connections, async (key): Promise<Found | undefined> => {
    const info = await repository.target.stat(key, signal);
    return info && { key, ...info };
  });
  const there = stats.filter((one) => one !== undefined);
  const ids = new Set(missing.map(({ id }) => id));
  return await readPoints(repository, host, there, (id) => ids.has(id), signal);
}

/** What the points of unusable records build upon is known by their data, where that can be read. */
async function readUnusable(
  repository: EngineRepository,
  host: string,
  damaged: readonly Unreadable[],
  points: readonly ListedPoint[],
  signal: AbortSignal,
): Promise<Map<string, readonly string[]>> {
  const { target, engine, keys } = repository;
  const usable = new Set(points.map(({ point }) => point.id));
  const unusable = new Map<string, readonly string[]>();
  for (const { key } of damaged) {
    const id = pointIdOf(host, key);
    if (id === undefined || usable.has(id) || unusable.has(id)) continue;
    const job = { target, hostName: host, pointId: id, sealing: keys };
    unusable.set(id, (await recoveredReferences(engine, job, signal)) ?? [...usable]);
  }
  return unusable;
}

/** The id of the point that an object among the records is of, whatever else its name has. */
export function pointIdOf(host: string, key: string): string | undefined {
  const folder = `${folderOf(host, 'points')}/`;
  if (!key.startsWith(folder)) return undefined;
  return nameIn(host, 'points', key) ?? /^[^./]+/.exec(key.slice(folder.length))?.[0];
}

/** `undefined` where its data reads wrong: it may be right the next time, so any point may be what it builds upon. */
async function recoveredReferences(
  engine: Engine,
  job: Parameters<Engine['recover']>[0],
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  try {
    return engine.references((await engine.recover(job, signal)).stored);
  } catch (error) {
    if (!(error instanceof LifeboatError) || error.code === 'newer-format') throw error;
    // Without its manifest nobody can restore it: it needs nothing.
    if (error.code === 'not-found' || error.code === 'no-key') return [];
    if (error.code === 'archive-damaged' || isUnreadable(error)) return undefined;
    throw error;
  }
}
