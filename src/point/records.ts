/**
 * The records of a repository: small objects under `lifeboat/<host>/`, each written once. Listing points reads these and
 * never an archive. How a record becomes bytes is decided in this file alone.
 */
import { newId } from '../kernel/ids.ts';
import { parseDocument, type Schema } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { getBytes, type Target } from '../target/target.ts';
import {
  ATTESTATION_FORMAT,
  type Attestation,
  attestationSchema,
  type Point,
  POINT_FORMAT,
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
const attestationPrefix = (host: string) => `lifeboat/${host}/attestations`;

/** Writes a point's record; the same record again is no error, so that a step can be repeated. */
export async function putPoint(target: Target, point: Point, signal: AbortSignal): Promise<void> {
  await putRecord(target, `${pointPrefix(point.host.name)}/${point.id}.json`, point, signal);
}

/** Takes a point off the record. Its data is the engine's affair. */
export async function removePoint(target: Target, host: string, id: string, signal: AbortSignal): Promise<void> {
  await target.remove(`${pointPrefix(host)}/${id}.json`, signal);
}

/** Adds an attestation; there may be any number for one point. */
export async function putAttestation(
  target: Target,
  host: string,
  attestation: Attestation,
  signal: AbortSignal,
): Promise<void> {
  const name = `${attestation.point}.${newId(new Date(attestation.at))}`;
  await putRecord(target, `${attestationPrefix(host)}/${name}.json`, attestation, signal);
}

/** @throws LifeboatError `unreachable`, … when the target fails; a damaged record is in the result */
export async function listPoints(target: Target, host: string, signal: AbortSignal): Promise<PointList> {
  const damaged: { key: string; error: LifeboatError }[] = [];
  const read = async <T>(prefix: string, schema: Schema<T>, format: string) => {
    const records: { document: T; arrivedMs: number }[] = [];
    for await (const { key, mtimeMs } of target.list(prefix, signal)) {
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
  const attestations = await read(attestationPrefix(host), attestationSchema, ATTESTATION_FORMAT);
  const byPoint = Map.groupBy(attestations, ({ document }) => document.point);
  const points = (await read(pointPrefix(host), pointSchema, POINT_FORMAT)).map(({ document, arrivedMs }) => ({
    point: document,
    arrivedMs,
    trust: trustOf(byPoint.get(document.id)?.map((record) => record.document) ?? []),
  }));
  points.sort((a, b) => a.arrivedMs - b.arrivedMs || (a.point.id < b.point.id ? -1 : 1));
  return { points, damaged };
}

/**
 * A point by its id, an unambiguous beginning of it, or `latest`.
 *
 * @throws LifeboatError `not-found`; `usage` when several ids begin so; `record-damaged`, … when the record of the one
 *   that is meant cannot be read
 */
export async function findPoint(target: Target, host: string, name: string, signal: AbortSignal): Promise<ListedPoint> {
  if (name === '')
    throw new LifeboatError('usage', 'the name of a point is empty', { hint: 'See lifeboat points list.' });
  const { points, damaged } = await listPoints(target, host, signal);
  const named = damaged.find(({ key }) => key === `${pointPrefix(host)}/${name}.json`);
  if (named) throw named.error;
  const matches = name === 'latest' ? points.slice(-1) : points.filter(({ point }) => point.id.startsWith(name));
  const [found, other] = matches;
  if (name === 'latest') refuseUnreadable(host, damaged, found);
  if (found && !other) return found;
  if (found) throw new LifeboatError('usage', `several points of ${host} begin with ${JSON.stringify(name)}`);
  throw new LifeboatError(
    'not-found',
    name === 'latest'
      ? `there is no point of ${host} at ${target.url}`
      : `no point of ${host} is ${JSON.stringify(name)}`,
    { hint: 'See lifeboat points list.' },
  );
}

/** Nobody who asks for the latest point should get an older one without a word. */
function refuseUnreadable(host: string, damaged: PointList['damaged'], latest: ListedPoint | undefined): void {
  const points = damaged.filter(({ key }) => key.startsWith(`${pointPrefix(host)}/`));
  const newer = points.find(({ key }) => !latest || key > `${pointPrefix(host)}/${latest.point.id}.json`);
  if (!newer) return;
  const { code, message } = newer.error;
  throw new LifeboatError(code, `the record of the latest point cannot be read: ${message}`, {
    hint: latest ? `The latest that can be read is ${latest.point.id}: give that id to use it.` : undefined,
    cause: newer.error,
  });
}

async function putRecord(
  target: Target,
  key: string,
  document: Point | Attestation,
  signal: AbortSignal,
): Promise<void> {
  await target.put(key, Buffer.from(`${JSON.stringify(document)}\n`), {}, signal);
}
