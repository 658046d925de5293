/**
 * What opens the LUKS volumes of a host, kept with a point: `lifeboat.escrow/1`, beside the record and the captures, and only where
 * these are encrypted. It is printed by nothing; only {@link headerImage} takes something out of it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { decryptBytes } from '../age/age.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { HeaderCopy } from '../layout/luks-copy.ts';
import { maxAreaBytes } from '../layout/tools/luks-area.ts';
import type { PointDescription } from './captures.ts';
import { documentBytes, suffixFor } from './envelope.ts';
import { recordKey } from './names.ts';
import { ESCROW_FORMAT, type Point } from './point.ts';
import { isUnreadable, parseRecord, putRecord, readBytes, type Repository } from './record-objects.ts';
import { cannotRead } from './records.ts';

/** Of all headers of a point. In Base64 these take a third more, and a record has its own limit. */
export const maxKeptBytes = 40 * 1024 * 1024;

/** What is missing where none of a point is kept. */
export const allHeaders = 'LUKS headers';

const bytes = z.number().int().nonnegative();

const headerSchema = z
  .object({
    uuid: z.string(),
    version: z.union([z.literal(1), z.literal(2)]),
    /** Of the whole image; between the parts it is zero. */
    sizeBytes: bytes.max(maxAreaBytes),
    /** `data` in Base64. */
    parts: z.array(z.object({ offsetBytes: bytes, data: z.base64() })),
    /** The key of the volume, sealed once more, as the host keeps it itself: only where somebody asked for that. */
    volumeKey: z.base64().exactOptional(),
  })
  .refine(({ parts, sizeBytes }) =>
    parts.every(({ offsetBytes, data }) => offsetBytes + Buffer.byteLength(data, 'base64') <= sizeBytes),
  );

const escrowSchema = z.object({
  format: z.literal(ESCROW_FORMAT),
  id: z.string(),
  readAt: z.iso.datetime(),
  headers: z.array(headerSchema),
});

type Escrow = z.infer<typeof escrowSchema>;
/** What the record says of it. */
type Kept = NonNullable<Point['escrow']>;

/** A header as `cryptsetup luksHeaderRestore` takes it from a file. */
export interface HeaderImage {
  readonly uuid: string;
  readonly version: 1 | 2;
  /** With it come back the passphrases, key files and tokens of then. */
  readonly readAt: string;
  readonly bytes: Buffer;
}

export interface Copied extends Pick<Kept, 'missing'> {
  readonly readAt: string;
  readonly copied: readonly HeaderCopy[];
  /** Of those volumes for which somebody asked that they are kept, by UUID; each sealed. */
  readonly volumeKeys?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes what was copied, as far as it can be read again and there is room; the same again is no error.
 *
 * @returns what the record has to say
 * @throws LifeboatError `refused` where it would not be encrypted; `exists`, `target-failed`, … as {@link putRecord}
 */
export async function putEscrow(
  repository: Repository,
  host: string,
  id: string,
  { readAt, copied, missing, volumeKeys }: Copied,
  signal: AbortSignal,
): Promise<Kept> {
  if (copied.length > 0 && suffixFor(repository.keys) !== '.age')
    throw new LifeboatError('refused', 'LUKS headers are kept in no repository that is not encrypted');
  const { kept, left } = fitting(copied);
  const volumes = kept.map(({ uuid }) => uuid);
  const opened = volumes.filter((uuid) => volumeKeys?.has(uuid));
  const said = {
    readAt,
    volumes,
    missing: [...missing, ...left],
    ...(opened.length === 0 ? {} : { volumeKeys: opened }),
  };
  if (kept.length === 0) return said;
  const headers = kept.map((header) => {
    const key = volumeKeys?.get(header.uuid);
    return key === undefined ? header : { ...header, volumeKey: Buffer.from(key).toString('base64') };
  });
  const escrow: Escrow = { format: ESCROW_FORMAT, id, readAt, headers };
  const key = await putRecord(repository, host, 'escrow', id, escrow, signal);
  return { ...said, object: objectOf(key, documentBytes(escrow)) };
}

/** One that is odd must not cost the others: what could not be read back with them is left out, by name. */
function fitting(copied: readonly HeaderCopy[]): { readonly kept: Escrow['headers']; readonly left: Kept['missing'] } {
  const [kept, left]: [Escrow['headers'], Kept['missing']] = [[], []];
  const leave = (uuid: string, problem: string) =>
    left.push({ subject: `luks:${uuid}`, problem: `its LUKS header is not kept: ${problem}` });
  let room = maxKeptBytes;
  for (const copy of copied.toSorted((a, b) => sizeOf(a) - sizeOf(b))) {
    const { uuid } = copy;
    const header = headerSchema.safeParse(packed(copy));
    if (copied.some((other) => other !== copy && other.uuid === uuid)) leave(uuid, 'several volumes have this UUID');
    else if (!header.success) leave(uuid, 'it is not as a header can be');
    else if (sizeOf(copy) > room) leave(uuid, `there is room for ${kept.length} only`);
    else {
      kept.push(header.data);
      room -= sizeOf(copy);
    }
  }
  return { kept, left };
}

function sizeOf({ parts }: HeaderCopy): number {
  return parts.reduce((sum, part) => sum + part.bytes.length, 0);
}

function packed({ uuid, version, sizeBytes, parts }: HeaderCopy): Escrow['headers'][number] {
  return {
    uuid,
    version,
    sizeBytes,
    parts: parts.map((part) => ({ offsetBytes: part.offsetBytes, data: part.bytes.toString('base64') })),
  };
}

function objectOf(key: string, document: Buffer): NonNullable<Kept['object']> {
  return { key, size: document.length, sha256: createHash('sha256').update(document).digest('hex') };
}

/**
 * The header of a volume, as it was when the point was made.
 *
 * @param uuid of the volume
 * @throws LifeboatError `not-found` when the point has none, with the reason; `record-damaged` when it is not what the record names;
 *   `no-key`, …
 */
export async function headerImage(
  repository: Repository,
  point: Point,
  uuid: string,
  signal: AbortSignal,
): Promise<HeaderImage> {
  const { escrow } = point;
  if (escrow?.volumes.includes(uuid) !== true) throw notKept(point, uuid);
  const { readAt, headers } = await readEscrow(repository, point, signal);
  const header = headers.find((one) => one.uuid === uuid);
  if (header === undefined) throw new LifeboatError('record-damaged', `what is kept of ${point.id} has no ${uuid}`);
  const image = Buffer.alloc(header.sizeBytes);
  for (const { offsetBytes, data } of header.parts) Buffer.from(data, 'base64').copy(image, offsetBytes);
  return { uuid, version: header.version, readAt, bytes: image };
}

/**
 * The key of a volume, by which it opens whatever its slots are.
 *
 * @throws LifeboatError `not-found` where it was never asked for that; `no-key` where it was sealed to others; as {@link headerImage}
 */
export async function volumeKey(
  repository: Repository,
  point: Point,
  uuid: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const { headers } = await readEscrow(repository, point, signal);
  const sealed = headers.find((one) => one.uuid === uuid)?.volumeKey;
  if (sealed === undefined) throw new LifeboatError('not-found', `the point ${point.id} has no volume key of ${uuid}`);
  return decryptBytes(Buffer.from(sealed, 'base64'), repository.keys.identities);
}

function notKept({ id, escrow }: Point, uuid: string): LifeboatError {
  // What else is missing, such as a device that did not answer, may be of another volume.
  const missing = escrow?.missing ?? [];
  const why =
    missing.find(({ subject }) => subject === `luks:${uuid}`) ?? missing.find(({ subject }) => subject === allHeaders);
  const volumes = escrow?.volumes ?? [];
  return new LifeboatError(
    'not-found',
    `the point ${id} has no LUKS header of ${printable(uuid)}${why === undefined ? '' : `: ${why.problem}`}`,
    { hint: volumes.length === 0 ? 'It has none at all.' : `It has those of ${volumes.join(', ')}.` },
  );
}

/** @throws LifeboatError `record-damaged` when it is not what the record names; `not-found`, `no-key`, … */
async function readEscrow(repository: Repository, { id, host, escrow }: Point, signal: AbortSignal): Promise<Escrow> {
  const object = escrow?.object;
  if (object === undefined) throw new LifeboatError('not-found', `the point ${id} has no LUKS headers`);
  const key = recordKey(host.name, 'escrow', id, '.age');
  const document = await readBytes(repository, key, signal);
  if (objectOf(key, document).sha256 !== object.sha256)
    throw new LifeboatError('record-damaged', `${key} is not what the record of the point ${id} names`);
  return parseRecord(document, escrowSchema, ESCROW_FORMAT, key);
}

/**
 * Why what the record names cannot be used; `undefined` when it can, or when there is nothing. A host that only stores sees whether it is
 * there.
 *
 * @throws what says nothing about it
 */
export async function escrowProblem(
  repository: Repository,
  point: Point,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { host, id, escrow } = point;
  if (escrow?.object === undefined) return undefined;
  if (cannotRead(repository)) {
    const there = await repository.target.stat(recordKey(host.name, 'escrow', id, '.age'), signal);
    return there === undefined ? 'it is not there' : undefined;
  }
  try {
    await readEscrow(repository, point, signal);
    return undefined;
  } catch (error) {
    if (isUnreadable(error) || (error instanceof LifeboatError && error.code === 'not-found')) return error.message;
    throw error;
  }
}

/** What a new record has to say in place of one that was lost; `undefined` where there is no LUKS. */
export async function rebuiltEscrow(
  repository: Repository,
  { id, host, layout }: Pick<PointDescription, 'id' | 'host' | 'layout'>,
  signal: AbortSignal,
): Promise<Kept | undefined> {
  const key = recordKey(host.name, 'escrow', id, '.age');
  const none = (why: string): Kept => {
    const problem = `not kept any more, if they were: the record was rebuilt, and ${why}`;
    return { readAt: layout.capturedAt, volumes: [], missing: [{ subject: allHeaders, problem }] };
  };
  try {
    const document = await readBytes(repository, key, signal);
    const escrow = parseRecord(document, escrowSchema, ESCROW_FORMAT, key);
    if (escrow.id !== id) return none(`${key} is of the point ${escrow.id}`);
    const volumes = escrow.headers.map(({ uuid }) => uuid);
    const volumeKeys = escrow.headers.flatMap((header) => (header.volumeKey === undefined ? [] : [header.uuid]));
    return {
      readAt: escrow.readAt,
      volumes,
      ...(volumeKeys.length === 0 ? {} : { volumeKeys }),
      missing: [],
      object: objectOf(key, document),
    };
  } catch (error) {
    if (isUnreadable(error)) return none(`what is there cannot be used: ${error.message}`);
    if (!(error instanceof LifeboatError && error.code === 'not-found')) throw error;
    return layout.components.some(({ kind }) => kind === 'luks') ? none('none are there') : undefined;
  }
}
