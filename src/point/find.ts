/** A point by the name that a person gives it. */
import { LifeboatError } from '../kernel/errors.ts';
import { disputeHint, disputeText, madeLater } from './latest.ts';
import { nameIn } from './names.ts';
import { type Found, listFolder, type Repository } from './record-objects.ts';
import { type ListedPoint, listPoints, readPoints, withTrust } from './records.ts';

/**
 * A point by its id, an unambiguous beginning of it, or `latest`, the last to arrive. No record is read but its own, and
 * those of points that it builds upon.
 *
 * @throws LifeboatError `usage` when several ids begin so, or it is not certain which is the latest; `not-found`;
 *   `record-damaged`, … when the record of the one that is meant cannot be read
 */
export async function findPoint(
  repository: Repository,
  host: string,
  name: string,
  signal: AbortSignal,
): Promise<ListedPoint> {
  if (name === '')
    throw new LifeboatError('usage', 'the name of a point is empty', { hint: 'See lifeboat points list.' });
  const byId = Map.groupBy(await listFolder(repository.target, host, 'points', signal), ({ key }) =>
    nameIn(host, 'points', key),
  );
  const ids = [...byId.keys()].filter((id) => id !== undefined);
  if (name === 'latest') return await findLatest(repository, host, byId, signal);
  const [id, other] = ids.includes(name) ? [name] : ids.filter((one) => one.startsWith(name));
  if (id === undefined) throw notFound(`no point of ${host} is ${JSON.stringify(name)}`);
  if (other !== undefined)
    throw new LifeboatError('usage', `several points of ${host} begin with ${JSON.stringify(name)}`);
  const read = await readPoint(repository, host, id, byId, signal);
  if (read === undefined) throw notFound(`the point ${JSON.stringify(name)} of ${host} was removed just now`);
  if (read instanceof LifeboatError) throw read;
  return read;
}

function notFound(problem: string): LifeboatError {
  return new LifeboatError('not-found', problem, { hint: 'See lifeboat points list.' });
}

function noneOnRecord({ target }: Repository, host: string): LifeboatError {
  return new LifeboatError('not-found', `there is no point of ${host} on record at ${target.url}`, {
    hint: 'Check the name of the host. If there were points, their records may be lost: see lifeboat points repair --dry-run.',
  });
}

/** The last to arrive that can be read; but nobody who asks for it should get an older one without a word. */
async function findLatest(
  repository: Repository,
  host: string,
  byId: ReadonlyMap<string | undefined, readonly Found[]>,
  signal: AbortSignal,
): Promise<ListedPoint> {
  let newest: { readonly id: string; readonly error: LifeboatError } | undefined;
  for (const id of [...byId.keys()].reverse()) {
    if (id === undefined) continue;
    const read = await readPoint(repository, host, id, byId, signal);
    if (read instanceof LifeboatError) {
      if (newest === undefined || id > newest.id) newest = { id, error: read };
    } else if (read !== undefined) {
      // One that arrived before it and is older by its name is no reason to stop.
      if (read.point.rebuilt !== undefined) return await lastOfAll(repository, host, signal);
      if (newest === undefined || newest.id < id) return certain(read, [...byId.keys()]);
      throw unreadable(newest.error, `The latest that can be read is ${read.point.id}: give that id to use it.`);
    }
  }
  if (newest !== undefined) throw unreadable(newest.error, newest.error.hint);
  throw noneOnRecord(repository, host);
}

/** @throws LifeboatError `usage` where one of these was made after this latest one */
export function certain(latest: ListedPoint, ids: readonly (string | undefined)[]): ListedPoint {
  const { id } = latest.point;
  const later = madeLater(
    id,
    ids.filter((one) => one !== undefined),
    Date.now(),
  );
  if (later === undefined) return latest;
  throw new LifeboatError('usage', `which point is the latest is not certain: ${disputeText(id, later)}`, {
    hint: disputeHint,
  });
}

/** A record that was rebuilt arrived later than its point: when that was, only the records say. */
async function lastOfAll(repository: Repository, host: string, signal: AbortSignal): Promise<ListedPoint> {
  const { points, damaged } = await listPoints(repository, host, signal);
  const last = points.at(-1);
  if (last === undefined) throw noneOnRecord(repository, host);
  const worse = damaged.find(({ key }) => (nameIn(host, 'points', key) ?? '') > last.point.id);
  if (worse === undefined)
    return certain(
      last,
      points.map(({ point }) => point.id),
    );
  throw unreadable(worse.error, `The latest that can be read is ${last.point.id}: give that id to use it.`);
}

function unreadable(cause: LifeboatError, hint: string | undefined): LifeboatError {
  return new LifeboatError(cause.code, `the record of the latest point cannot be read: ${cause.message}`, {
    hint,
    cause,
  });
}

/** One point, why none of its records can be read, or `undefined` when it is gone. */
async function readPoint(
  repository: Repository,
  host: string,
  id: string,
  byId: ReadonlyMap<string | undefined, readonly Found[]>,
  signal: AbortSignal,
): Promise<ListedPoint | LifeboatError | undefined> {
  const found = await readAlone(repository, host, id, byId.get(id) ?? [], signal);
  if (found === undefined || found instanceof LifeboatError) return found;
  const bases = new Map<string, ListedPoint>();
  for (const base of found.point.data.references) {
    const read = await readAlone(repository, host, base, byId.get(base) ?? [], signal);
    if (read !== undefined && !(read instanceof LifeboatError)) bases.set(base, read);
  }
  return withTrust(found, bases);
}

async function readAlone(
  repository: Repository,
  host: string,
  id: string,
  found: readonly Found[],
  signal: AbortSignal,
): Promise<ListedPoint | LifeboatError | undefined> {
  const { points, damaged } = await readPoints(repository, host, found, (point) => point === id, signal);
  return points[0] ?? damaged.find(({ key }) => found.some((one) => one.key === key))?.error;
}
