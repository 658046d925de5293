/** A repository: a target that was made one. Its marker keeps a backup from filling a place that is not mounted. */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { getBytes, type Target } from '../target/target.ts';
import { parseDocument } from '../kernel/document.ts';

const REPOSITORY_FORMAT = 'lifeboat.repository/1';
const MARKER = 'lifeboat/repository.json';
const MAX_BYTES = 64 * 1024;

const markerSchema = z.object({
  format: z.literal(REPOSITORY_FORMAT),
  // It names directories of the host, and whoever can write to the repository can write it.
  id: z.string().regex(/^[0-9a-f]{32}$/),
  engine: z.string(),
  createdAt: z.iso.datetime(),
});

export type RepositoryMarker = z.infer<typeof markerSchema>;

/**
 * Makes an empty target a repository.
 *
 * @throws LifeboatError `exists` when it is one already
 */
export async function initRepository(
  target: Target,
  engine: string,
  now: Date,
  signal: AbortSignal,
): Promise<RepositoryMarker> {
  const marker: RepositoryMarker = {
    format: REPOSITORY_FORMAT,
    id: randomBytes(16).toString('hex'),
    engine,
    createdAt: now.toISOString(),
  };
  try {
    const ifAbsent = target.traits.exclusivePut;
    if (!ifAbsent && (await target.stat(MARKER, signal))) throw new LifeboatError('exists', 'taken');
    await target.put(MARKER, Buffer.from(`${JSON.stringify(marker)}\n`), { ifAbsent }, signal);
  } catch (cause) {
    if (!(cause instanceof LifeboatError && cause.code === 'exists')) throw cause;
    throw new LifeboatError('exists', `${target.url} is a repository already`, {
      hint: 'Use it as it is, or choose an empty place.',
      cause,
    });
  }
  return marker;
}

/** @throws LifeboatError `no-repository` when the target is none, `newer-format`, `record-damaged` */
export async function openRepository(target: Target, signal: AbortSignal): Promise<RepositoryMarker> {
  let bytes: Buffer;
  try {
    bytes = await getBytes(target, MARKER, MAX_BYTES, signal);
  } catch (cause) {
    if (!(cause instanceof LifeboatError && cause.code === 'not-found')) throw cause;
    throw new LifeboatError('no-repository', `there is no lifeboat repository at ${target.url}`, {
      hint: 'If it is on another disk or server, check that this is mounted. To make a new one: lifeboat init.',
      cause,
    });
  }
  return parseDocument(bytes, markerSchema, REPOSITORY_FORMAT, `${MARKER} at ${target.url}`);
}
