/** What the engine keeps in a target for one point, and how the point's document refers to it. */
import { z } from 'zod';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Json } from '../../kernel/json.ts';
import { checkKey } from '../../target/target.ts';
import type { PointJob } from '../engine.ts';

export const STORED_FORMAT = 'lifeboat.tar/1';

const storedObject = z.object({
  key: z.string(),
  size: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const storedSchema = z.object({
  format: z.literal(STORED_FORMAT),
  archive: storedObject,
  manifest: storedObject,
  entries: z.number().int().nonnegative(),
  bytes: z.number().int().nonnegative(),
});

export type StoredObject = z.infer<typeof storedObject>;
export type Stored = z.infer<typeof storedSchema>;

/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseStored(stored: Json): Stored {
  const { format } = z.object({ format: z.string() }).catch({ format: '' }).parse(stored);
  const version = /^lifeboat\.tar\/(\d+)$/.exec(format)?.[1];
  if (version !== undefined && Number(version) > 1) {
    throw new LifeboatError('newer-format', `this point was stored as ${format}, which this lifeboat does not know`, {
      hint: 'Use a newer lifeboat.',
    });
  }
  const parsed = storedSchema.safeParse(stored);
  if (!parsed.success) {
    throw new LifeboatError(
      'record-damaged',
      `the point's reference to its data cannot be read: ${z.prettifyError(parsed.error)}`,
    );
  }
  return parsed.data;
}

export function keysOf({ hostName, pointId }: PointJob): { readonly archive: string; readonly manifest: string } {
  const keys = { archive: `tar/${hostName}/${pointId}.tar.zst`, manifest: `tar/${hostName}/${pointId}.manifest.zst` };
  checkKey(keys.archive);
  return keys;
}
