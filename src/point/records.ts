/**
 * The records of a repository: small objects under `lifeboat/<host>/`, each written once. Listing points reads these and
 * never an archive. How a record becomes bytes is decided in this file alone.
 */
import { createHash } from 'node:crypto';
import { newId } from '../kernel/ids.ts';
import { parseDocument, type Schema } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { getBytes, type Target } from '../target/target.ts';
import {
  ATTESTATION_FORMAT,
  type Attestation,
  attestationSchema,
  type Captures,
  CAPTURES_FORMAT,
  capturesSchema,
  type Point,
  POINT_FORMAT,
  type PointDescription,
  pointSchema,
  type Trust,
  trustOf,
} from './point.ts';

const MAX_RECORD_BYTES = 64 * 1024 * 1024;

export interface ListedPoint {
  readonly point: Point;
  /** When the repository received the record, by its own clock. */
  readonly arrivedMs: number;
  readonly trust: Trust;
}

/** Points in the order in which they arrived, and the records that cannot be read, which keep no other from it. */
export interface PointList {
  readonly points: readonly ListedPoint[];
  readonly damaged: readonly { readonly key: string; readonly error: LifeboatError }[];
}

const pointPrefix = (host: string) => `lifeboat/${host}/points`;
const capturesPrefix = (host: string) => `lifeboat/${host}/captures`;
const attestationPrefix = (host: string) => `lifeboat/${host}/attestations`;

/**
 * Writes a point's captures, then its record; the same again is no error, so that a step can be repeated.
 *
 * @returns the record
 */
export async function putPoint(
  target: Target,
  description: PointDescription,
  data: Point['data'],
  signal: AbortSignal,
): Promise<Point> {
  const { layout, network, facts, coverage, ...head } = description;
  const captures: Captures = { format: CAPTURES_FORMAT, id: head.id, layout, network, facts, coverage };
  const body = documentBytes(captures);
  const key = `${capturesPrefix(head.host.name)}/${head.id}.json`;
  await target.put(key, body, {}, signal);
  const sha256 = createHash('sha256').update(body).digest('hex');
  const point: Point = { format: POINT_FORMAT, ...head, data, captures: { key, size: body.length, sha256 } };
  await target.put(`${pointPrefix(head.host.name)}/${head.id}.json`, documentBytes(point), {}, signal);
  return point;
}

/** Takes a point off the record. Its data is the engine's affair. */
export async function removePoint(target: Target, host: string, id: string, signal: AbortSignal): Promise<void> {
  await target.remove(`${pointPrefix(host)}/${id}.json`, signal);
  await target.remove(`${capturesPrefix(host)}/${id}.json`, signal);
}

/**
 * How the host was when the point was made.
 *
 * @throws LifeboatError `record-damaged` when they are not those that the record names; `not-found`, `newer-format`
 */
export async function readCaptures(target: Target, point: Point, signal: AbortSignal): Promise<Captures> {
  const { key, sha256 } = point.captures;
  const bytes = await getBytes(target, key, MAX_RECORD_BYTES, signal);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new LifeboatError('record-damaged', `${key} is not what the record of the point ${point.id} names`);
  return parseDocument(bytes, capturesSchema, CAPTURES_FORMAT, key);
}

/** Adds an attestation; there may be any number for one point. */
export async function putAttestation(
  target: Target,
  host: string,
  attestation: Attestation,
  signal: AbortSignal,
): Promise<void> {
  const name = `${attestation.point}.${newId(new Date(attestation.at))}`;
  await target.put(`${attestationPrefix(host)}/${name}.json`, documentBytes(attestation), {}, signal);
}

/** @throws LifeboatError `unreachable`, … when the target fails; a damaged record is in the result */
export async function listPoints(target: Target, host: string, signal: AbortSignal): Promise<PointList> {
  return await readPoints(target, host, await listKeys(target, pointPrefix(host), signal), () => true, signal);
}

interface Key {
  readonly key: string;
  readonly mtimeMs: number;
}

/** In the order in which they arrived. */
async function listKeys(target: Target, prefix: string, signal: AbortSignal): Promise<Key[]> {
  const keys: Key[] = [];
  for await (const { key, mtimeMs } of target.list(prefix, signal)) keys.push({ key, mtimeMs });
  return keys.toSorted((a, b) => a.mtimeMs - b.mtimeMs || (a.key < b.key ? -1 : 1));
}

/** The points of these keys, each with the attestations that are wanted for it. */
async function readPoints(
  target: Target,
  host: string,
  keys: readonly Key[],
  wanted: (attestation: string) => boolean,
  signal: AbortSignal,
): Promise<PointList> {
  const damaged: { key: string; error: LifeboatError }[] = [];
  const read = async <T>(from: readonly Key[], schema: Schema<T>, format: string) => {
    const records: { document: T; arrivedMs: number }[] = [];
    for (const { key, mtimeMs } of from) {
      try {
        const document = parseDocument(await getBytes(target, key, MAX_RECORD_BYTES, signal), schema, format, key);
        records.push({ document, arrivedMs: mtimeMs });
      } catch (error) {
        if (!(error instanceof LifeboatError)) throw error;
        // Somebody took it off the record since it was listed.
        if (error.code === 'not-found') continue;
        if (!['record-damaged', 'newer-format', 'output-too-large'].includes(error.code)) throw error;
        damaged.push({ key, error });
      }
    }
    return records;
  };
  const said = (await listKeys(target, attestationPrefix(host), signal)).filter(({ key }) => wanted(key));
  const attestations = await read(said, attestationSchema, ATTESTATION_FORMAT);
  const byPoint = Map.groupBy(attestations, ({ document }) => document.point);
  const points = (await read(keys, pointSchema, POINT_FORMAT)).map(({ document, arrivedMs }) => ({
    point: document,
    arrivedMs,
    trust: trustOf(byPoint.get(document.id)?.map((record) => record.document) ?? []),
  }));
  return { points, damaged };
}

/**
 * A point by its id, an unambiguous beginning of it, or `latest`. No other point's record is read.
 *
 * @throws LifeboatError `not-found`; `usage` when several ids begin so; `record-damaged`, … when the record of the one
 *   that is meant cannot be read
 */
export async function findPoint(target: Target, host: string, name: string, signal: AbortSignal): Promise<ListedPoint> {
  if (name === '')
    throw new LifeboatError('usage', 'the name of a point is empty', { hint: 'See lifeboat points list.' });
  const keys = await listKeys(target, pointPrefix(host), signal);
  if (name === 'latest') return await findLatest(target, host, keys, signal);
  const prefix = `${pointPrefix(host)}/${name}`;
  const exact = keys.filter(({ key }) => key === `${prefix}.json`);
  const [found, other] = exact.length > 0 ? exact : keys.filter(({ key }) => key.startsWith(prefix));
  if (found === undefined) throw notFound(`no point of ${host} is ${JSON.stringify(name)}`);
  if (other !== undefined)
    throw new LifeboatError('usage', `several points of ${host} begin with ${JSON.stringify(name)}`);
  const read = await readPoint(target, host, found, signal);
  if (read === undefined) throw notFound(`the point ${JSON.stringify(name)} of ${host} was removed just now`);
  if (read instanceof LifeboatError) throw read;
  return read;
}

function notFound(problem: string): LifeboatError {
  return new LifeboatError('not-found', problem, { hint: 'See lifeboat points list.' });
}

/** The last to arrive that can be read; but nobody who asks for it should get an older one without a word. */
async function findLatest(
  target: Target,
  host: string,
  keys: readonly Key[],
  signal: AbortSignal,
): Promise<ListedPoint> {
  let newest: { readonly key: string; readonly error: LifeboatError } | undefined;
  for (const found of keys.toReversed()) {
    const read = await readPoint(target, host, found, signal);
    if (read instanceof LifeboatError) {
      if (newest === undefined || found.key > newest.key) newest = { key: found.key, error: read };
    } else if (read !== undefined) {
      if (newest === undefined || newest.key < found.key) return read;
      throw unreadable(newest.error, `The latest that can be read is ${read.point.id}: give that id to use it.`);
    }
  }
  if (newest !== undefined) throw unreadable(newest.error, undefined);
  throw notFound(`there is no point of ${host} at ${target.url}`);
}

function unreadable(cause: LifeboatError, hint: string | undefined): LifeboatError {
  return new LifeboatError(cause.code, `the record of the latest point cannot be read: ${cause.message}`, {
    hint,
    cause,
  });
}

/** One point, why its record cannot be read, or `undefined` when it is gone. */
async function readPoint(
  target: Target,
  host: string,
  found: Key,
  signal: AbortSignal,
): Promise<ListedPoint | LifeboatError | undefined> {
  const id = found.key.slice(pointPrefix(host).length + 1).replace(/\.json$/, '');
  const ofIt = `${attestationPrefix(host)}/${id}.`;
  const { points, damaged } = await readPoints(target, host, [found], (key) => key.startsWith(ofIt), signal);
  return points[0] ?? damaged.find(({ key }) => key === found.key)?.error;
}

function documentBytes(document: Point | Captures | Attestation): Buffer {
  return Buffer.from(`${JSON.stringify(document)}\n`);
}
