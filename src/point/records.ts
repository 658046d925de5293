/**
 * The records of points. Listing reads these and what is attested, and never captures or data.
 */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../kernel/errors.ts';
import { inParallel } from '../kernel/parallel.ts';
import { present } from '../kernel/present.ts';
import { type Attested, readAttestations, type Unreadable } from './attestations.ts';
import type { Captures, PointDescription } from './captures.ts';
import { documentBytes, suffixFor } from './envelope.ts';
import { nameIn, recordKey } from './names.ts';
import {
  CAPTURES_FORMAT,
  type Pin,
  type Point,
  POINT_FORMAT,
  pointSchema,
  type Recovered,
  type Trust,
  trustOf,
  type Verification,
} from './point.ts';
import {
  byArrival,
  type Found,
  isUnreadable,
  listFolder,
  parseRecord,
  putRecord,
  readBytes,
  readRecord,
  removeRecord,
  type Repository,
} from './record-objects.ts';

export interface ListedPoint {
  readonly point: Point;
  readonly key: string;
  /** When the repository received the record, by its own clock. */
  readonly arrivedMs: number;
  readonly trust: Trust;
  /** The last one. */
  readonly verification?: Verification;
  /** Set while the point is pinned. */
  readonly pin?: Pin;
  /** The last recovery of the machine, or drill in a virtual one. */
  readonly recovered?: Recovered;
  /** The last drill of its files alone. */
  readonly restored?: Recovered;
}

/** Points in the order in which they arrived, and the records that cannot be used, which keep no other from it. */
export interface PointList {
  readonly points: readonly ListedPoint[];
  readonly damaged: readonly Unreadable[];
  /** Keys of attestations of which a later version knows. @default none */
  readonly unknown?: readonly string[];
}

/**
 * Writes a point's captures, then its record, for which all else that it names is there already; the same again is no error, so that a step can be repeated.
 *
 * @returns the record
 */
export async function putPoint(
  repository: Repository,
  description: PointDescription,
  data: Point['data'],
  signal: AbortSignal,
  more: Pick<Point, 'verification' | 'rebuilt' | 'after' | 'escrow' | 'canary'> = {},
): Promise<Point> {
  const {
    layout: _layout,
    network: _network,
    facts: _facts,
    coverage: _coverage,
    containers: _containers,
    ...head
  } = description;
  const { name: host } = head.host;
  const captures = capturesOf(description);
  const key = await putRecord(repository, host, 'captures', head.id, captures, signal);
  const body = documentBytes(captures);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const point: Point = { format: POINT_FORMAT, ...head, data, captures: { key, size: body.length, sha256 }, ...more };
  await putRecord(repository, host, 'points', head.id, point, signal);
  return point;
}

/** The same keys in the same order, whoever makes it: it is known by its hash. */
export function capturesOf({ id, layout, network, facts, coverage, containers }: PointDescription): Captures {
  return { format: CAPTURES_FORMAT, id, layout, network, facts, coverage, ...present({ containers }) };
}

/** Takes a point off the record, and what was captured and kept with it. Its data is the engine's affair. */
export async function removePoint(
  repository: Pick<Repository, 'target'>,
  host: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  await removeRecord(repository, host, 'points', id, signal);
  await removeRecord(repository, host, 'captures', id, signal);
  await removeRecord(repository, host, 'escrow', id, signal);
}

/**
 * How the host was when the point was made.
 *
 * @throws LifeboatError `record-damaged` when they are not those that the record names; `not-found`, `newer-format`, …
 */
export async function readCaptures(repository: Repository, point: Point, signal: AbortSignal): Promise<Captures> {
  const { sha256 } = point.captures;
  const key = recordKey(point.host.name, 'captures', point.id, point.captures.key.endsWith('.age') ? '.age' : '.zst');
  const bytes = await readBytes(repository, key, signal);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new LifeboatError('record-damaged', `${key} is not what the record of the point ${point.id} names`);
  const { capturesSchema } = await import('./captures.ts');
  return parseRecord(bytes, capturesSchema, CAPTURES_FORMAT, key);
}

/** Whether nothing on record can be read here, because this host only stores. */
export function cannotRead({ keys }: Pick<Repository, 'keys'>): boolean {
  return suffixFor(keys) === '.age' && keys.identities.length === 0;
}

/** @throws LifeboatError `unreachable`, … when the target fails; a damaged record is in the result */
export async function listPoints(repository: Repository, host: string, signal: AbortSignal): Promise<PointList> {
  const found = await listFolder(repository.target, host, 'points', signal);
  return await readPoints(repository, host, found, () => true, signal);
}

/** The points of these records, each with what is attested of it. */
export async function readPoints(
  repository: Repository,
  host: string,
  found: readonly Found[],
  wanted: (point: string) => boolean,
  signal: AbortSignal,
): Promise<PointList> {
  const attested = await readAttestations(repository, host, wanted, signal);
  const read = await inParallel(found, repository.target.traits.connections, (one) =>
    readPoint(repository, host, one, signal),
  );
  const points = new Map<string, ListedPoint>();
  const damaged: Unreadable[] = [];
  read.forEach((one, index) => {
    const { key, mtimeMs } = found[index] ?? { key: '', mtimeMs: 0 };
    if (one instanceof LifeboatError) damaged.push({ key, error: one });
    // Of a record that stands there twice, plain and encrypted, the first that is right counts.
    else if (one !== undefined && !points.has(one.id))
      points.set(one.id, listed(one, key, mtimeMs, attested.ofPoint.get(one.id)));
  });
  const compare = byArrival(Date.now());
  return {
    points: [...points.values()]
      .map((one) => withTrust(one, points))
      .sort((a, b) => compare({ key: a.key, mtimeMs: a.arrivedMs }, { key: b.key, mtimeMs: b.arrivedMs })),
    damaged: [...damaged, ...attested.unreadable],
    ...(attested.unknown.length === 0 ? {} : { unknown: attested.unknown }),
  };
}

/** A point that was verified by itself can be trusted as far as those that it builds upon. */
export function withTrust(listed: ListedPoint, others: ReadonlyMap<string, ListedPoint>): ListedPoint {
  const bases = listed.point.data.references.map((id) => others.get(id)?.verification);
  return { ...listed, trust: trustOf(listed.verification, bases, listed.recovered) };
}

export function listed(point: Point, key: string, arrivedMs: number, attested: Attested = {}): ListedPoint {
  const { verification = point.verification, pin, recovered, restored } = attested;
  return {
    point,
    key,
    arrivedMs: point.rebuilt === undefined ? arrivedMs : Date.parse(point.rebuilt.arrivedAt),
    trust: trustOf(verification, [], recovered),
    ...(verification === undefined ? {} : { verification }),
    ...(pin?.kind === 'pinned' ? { pin } : {}),
    ...(recovered === undefined ? {} : { recovered }),
    ...(restored === undefined ? {} : { restored }),
  };
}

/** One record, why it cannot be used, or `undefined` when it is gone. */
async function readPoint(
  repository: Repository,
  host: string,
  { key }: Found,
  signal: AbortSignal,
): Promise<Point | LifeboatError | undefined> {
  const id = nameIn(host, 'points', key);
  if (id === undefined) {
    return new LifeboatError('record-damaged', `${key} is not the name of a point's record`, {
      hint: 'If it is of an earlier version, "lifeboat points repair" makes a new one out of the data.',
    });
  }
  try {
    const point = await readRecord(repository, key, pointSchema, POINT_FORMAT, signal);
    if (point.id === id && point.host.name === host) return point;
    return new LifeboatError('record-damaged', `${key} is of the point ${point.id} of ${point.host.name}`);
  } catch (error) {
    if (isUnreadable(error)) return error;
    // Somebody took it off the record since it was listed.
    if (error instanceof LifeboatError && error.code === 'not-found') return undefined;
    throw error;
  }
}
