/** What the engine keeps in a target for one point, and how the point's document refers to it. */
import { z } from 'zod';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Json } from '../../kernel/json.ts';
import { checkKey } from '../../target/target.ts';
import type { PointJob } from '../engine.ts';

export const STORED_FORMAT = 'lifeboat.tar/2';

/** Size and hash are of the bytes in the target: where they are encrypted, of the ciphertext. */
const storedObject = z.object({
  key: z.string(),
  size: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const counts = { entries: z.number().int().nonnegative(), bytes: z.number().int().nonnegative() };

const storedSchema = z.object({
  format: z.literal(STORED_FORMAT),
  /** Archive and manifest alike. */
  sealed: z.enum(['age', 'none']),
  /** Holds what this point stored itself. */
  archive: storedObject,
  /** Lists every entry of the point, wherever it is stored. */
  manifest: storedObject,
  ...counts,
  /** Every earlier archive that the manifest refers to, oldest first; sealed or not as their keys say. */
  bases: z.array(z.object({ pointId: z.string(), archive: storedObject })),
});

/** A point of the first version is a full one, and not encrypted. */
const firstSchema = z.object({
  format: z.literal('lifeboat.tar/1'),
  archive: storedObject,
  manifest: storedObject,
  ...counts,
});

export type StoredObject = z.infer<typeof storedObject>;
export type Stored = z.infer<typeof storedSchema>;

/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseStored(stored: Json): Stored {
  const { format } = z.object({ format: z.string() }).catch({ format: '' }).parse(stored);
  const version = /^lifeboat\.tar\/(\d+)$/.exec(format)?.[1];
  if (version !== undefined && Number(version) > 2) {
    throw new LifeboatError('newer-format', `this point was stored as ${format}, which this lifeboat does not know`, {
      hint: 'Use a newer lifeboat.',
    });
  }
  if (version === '1')
    return { ...checked(firstSchema.safeParse(stored)), format: STORED_FORMAT, sealed: 'none', bases: [] };
  return checked(storedSchema.safeParse(stored));
}

function checked<T>(parsed: z.ZodSafeParseResult<T>): T {
  if (parsed.success) return parsed.data;
  throw new LifeboatError(
    'record-damaged',
    `the point's reference to its data cannot be read: ${z.prettifyError(parsed.error)}`,
  );
}

export interface PointKeys {
  readonly archive: string;
  readonly manifest: string;
}

/** The keys of a point's objects, by whether they are encrypted. */
export function keysOf(
  { hostName, pointId }: Pick<PointJob, 'hostName' | 'pointId'>,
  sealed: Stored['sealed'],
): PointKeys {
  const end = sealed === 'age' ? '.age' : '';
  const keys = {
    archive: `tar/${hostName}/${pointId}.tar.zst${end}`,
    manifest: `tar/${hostName}/${pointId}.manifest.zst${end}`,
  };
  checkKey(keys.archive);
  return keys;
}

/** The id of the point that a key of {@link keysOf} is of; `undefined` for any other key. */
export function pointIn(hostName: string, key: string): string | undefined {
  const prefix = `tar/${hostName}/`;
  if (!key.startsWith(prefix)) return undefined;
  return /^([^./]+)\.(?:tar|manifest)\.zst(?:\.age)?$/.exec(key.slice(prefix.length))?.[1];
}

/** Whether the object under a key is encrypted. */
export function isSealed({ key }: Pick<StoredObject, 'key'>): boolean {
  return key.endsWith('.age');
}
