/**
 * Making records anew out of the engine's own data, where they were lost or damaged. A good record is never touched; one that
 * somebody unknown signed only where that is asked for, as it may be good by a key that is not here.
 *
 * Whoever can write to a repository can put data into it. What is rebuilt is signed by us, so a person has to agree to it.
 */
import { createHash } from 'node:crypto';
import type { Recovered } from '../engine/engine.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { type EngineRepository, pointIdOf } from './catalogue.ts';
import { documentBytes } from './envelope.ts';
import { escrowProblem, rebuiltEscrow } from './escrow.ts';
import { unfinished } from './forget.ts';
import type { PointDescription } from './captures.ts';
import type { Point, Verification } from './point.ts';
import { isUnreadable, putRecord, removeRecord } from './record-objects.ts';
import { capturesOf, listPoints, type ListedPoint, putPoint, readCaptures } from './records.ts';

/** A record, or what was captured with it. */
export interface Repair {
  readonly id: string;
  readonly what: 'record' | 'captures';
  readonly why: string;
  /** When the data of the point had arrived. */
  readonly arrivedAt: string;
}

export interface RepairPlan {
  /** In the order in which their data arrived. */
  readonly rebuild: readonly Repair[];
  /** What cannot be rebuilt, and why. */
  readonly hopeless: readonly { readonly id: string; readonly problem: string }[];
}

/** What is needed to tell a forgery from a record that was signed with a key of before. */
const FORGED =
  'give the host key or recovery code that it was signed with; if there is none, repair it with --unknown-signer';

/**
 * Reads manifests, and changes nothing.
 *
 * @param unknownSigner whether records go that may be right, but were signed by nobody whom we know
 */
export async function planRepair(
  repository: EngineRepository,
  host: string,
  { unknownSigner = false }: { readonly unknownSigner?: boolean },
  signal: AbortSignal,
): Promise<RepairPlan> {
  const { points, damaged } = await listPoints(repository, host, signal);
  const good = new Set(points.map(({ point }) => point.id));
  const broken = new Map(damaged.map(({ key, error }) => [pointIdOf(host, key), error]));
  const leaving = new Set(await unfinished(repository, host, signal));
  const rebuild: Repair[] = [];
  const hopeless: { id: string; problem: string }[] = [];
  const arrivals = await arrivalsOfData(repository, host, signal);
  for (const [id, arrivedMs] of arrivals) {
    if (good.has(id) || leaving.has(id)) continue;
    const error = broken.get(id);
    const arrivedAt = new Date(arrivedMs).toISOString();
    if (error !== undefined && ['no-key', 'newer-format'].includes(error.code))
      hopeless.push({ id, problem: error.message });
    else if (error?.code === 'record-forged' && !unknownSigner)
      hopeless.push({ id, problem: `${error.message}; ${FORGED}` });
    else {
      const problem = await problemOf(() => describedData(repository, host, id, signal));
      if (problem === undefined)
        rebuild.push({ id, what: 'record', why: error?.message ?? 'there is no record of it', arrivedAt });
      else hopeless.push({ id, problem });
    }
  }
  for (const { point } of points) {
    const kept = await escrowProblem(repository, point, signal);
    if (kept !== undefined)
      hopeless.push({ id: point.id, problem: `its LUKS headers cannot be had, and stand nowhere else: ${kept}` });
    const lost = await problemOf(() => readCaptures(repository, point, signal));
    if (lost === undefined) continue;
    const problem = await problemOf(() => sameCaptures(repository, point, signal));
    const arrivedAt = new Date(arrivals.get(point.id) ?? 0).toISOString();
    if (problem === undefined) rebuild.push({ id: point.id, what: 'captures', why: lost, arrivedAt });
    else hopeless.push({ id: point.id, problem: `${lost}; ${problem}` });
  }
  return { rebuild: rebuild.sort((a, b) => (a.arrivedAt < b.arrivedAt ? -1 : 1)), hopeless };
}

/** When the last object of each point had arrived. */
async function arrivalsOfData({ target, engine }: EngineRepository, host: string, signal: AbortSignal) {
  const arrivals = new Map<string, number>();
  for await (const { pointId, mtimeMs } of engine.stored({ target, hostName: host }, signal))
    arrivals.set(pointId, Math.max(arrivals.get(pointId) ?? 0, mtimeMs));
  return arrivals;
}

/** @returns why it cannot be done; `undefined` when it can. @throws what says nothing about the data */
async function problemOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (isUnreadable(error) || code === 'not-found' || code === 'archive-damaged') return message;
    throw error;
  }
}

interface Described {
  readonly recovered: Recovered;
  /** As it was stored, with the keys in their order: so what is made of it has the same hash. */
  readonly description: PointDescription;
}

async function describedData(
  { target, engine, keys }: EngineRepository,
  host: string,
  id: string,
  signal: AbortSignal,
): Promise<Described> {
  const recovered = await engine.recover({ target, hostName: host, pointId: id, sealing: keys }, signal);
  const { description } = recovered;
  const what = `the description in the data of the point ${id}`;
  const { descriptionSchema } = await import('./captures.ts');
  const isDescription = (value: unknown): value is PointDescription => descriptionSchema.safeParse(value).success;
  if (!isDescription(description)) throw new LifeboatError('record-damaged', `${what} cannot be read`);
  if (description.id !== id || description.host.name !== host)
    throw new LifeboatError('record-damaged', `${what} is of the point ${description.id} of ${description.host.name}`);
  return { recovered, description };
}

async function sameCaptures(repository: EngineRepository, point: Point, signal: AbortSignal) {
  const { description } = await describedData(repository, point.host.name, point.id, signal);
  const captures = capturesOf(description);
  if (createHash('sha256').update(documentBytes(captures)).digest('hex') === point.captures.sha256) return captures;
  throw new LifeboatError('record-damaged', `what the data of ${point.id} says is not what the record names`);
}

/**
 * Makes one anew. Can be repeated.
 *
 * @param verify reads the data back, so that the record says how it is
 */
export async function repairOne(
  repository: EngineRepository,
  host: string,
  { id, what, arrivedAt }: Repair,
  verify: (point: Pick<Point, 'id' | 'data'>) => Promise<Verification>,
  signal: AbortSignal,
): Promise<{ readonly damage: number }> {
  const { points } = await listPoints(repository, host, signal);
  const known: ListedPoint | undefined = points.find(({ point }) => point.id === id);
  if (what === 'captures' && known !== undefined) {
    const captures = await sameCaptures(repository, known.point, signal);
    await removeRecord(repository, host, 'captures', id, signal);
    await putRecord(repository, host, 'captures', id, captures, signal);
    return { damage: 0 };
  }
  // It was repaired, or came on record, since it was planned.
  if (known !== undefined) return { damage: known.verification?.damage.length ?? 0 };
  const { recovered, description } = await describedData(repository, host, id, signal);
  const data = dataOf(repository, recovered);
  const verification = await verify({ id, data });
  // What is kept of LUKS stands in no data: it cannot be made anew, and stays.
  for (const kind of ['points', 'captures'] as const) await removeRecord(repository, host, kind, id, signal);
  const escrow = await rebuiltEscrow(repository, description, signal);
  const rebuilt = { at: new Date().toISOString(), arrivedAt };
  await putPoint(repository, description, data, signal, { verification, rebuilt, ...present({ escrow }) });
  return { damage: verification.damage.length };
}

function dataOf({ engine }: EngineRepository, { stored, entries, bytes, storedBytes, base }: Recovered): Point['data'] {
  return {
    engine: engine.name,
    stored,
    entries,
    bytes,
    storedBytes,
    references: [...engine.references(stored)],
    ...present({ base }),
    findings: [],
    excluded: [],
    notes: ['this record was rebuilt out of the data: what was left out, or not faithful, is not known any more'],
  };
}
