/**
 * One lock per repository and host: a record created exclusively in the repository, which names its holder.
 *
 * A holder that died is known by boot id and process, as far as its processes can be seen from here. Whoever finds such a lock
 * must first take the lock on breaking it, which carries its id; so of two that find it one breaks it, and nobody removes the
 * lock of the one who came next.
 */
import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { getBytes, type Target } from '../target/target.ts';

const holderSchema = z.object({
  format: z.literal('lifeboat.lock/1'),
  id: z.string(),
  host: z.string(),
  /** Absent where the machine has none: then nobody can tell from here whether the holder lives. */
  machineId: z.string().exactOptional(),
  bootId: z.string().exactOptional(),
  /** Containers of one machine share its boot id, and each has processes of its own. */
  pidNamespace: z.string().exactOptional(),
  pid: z.number(),
  /** Start time of the process in clock ticks since boot: a pid alone may be somebody else's by now. */
  processStart: z.number(),
  run: z.string(),
  since: z.iso.datetime(),
});

type Holder = z.infer<typeof holderSchema>;

/** Who asks for the lock. */
export interface Claim extends Omit<Holder, 'format' | 'id'> {
  /** Of the lock, for who has to know it before there is one. @default a new one */
  readonly id?: string;
}

/** Judges whether a process of this boot and pid namespace still lives. */
export type IsAlive = (holder: Pick<Holder, 'pid' | 'processStart'>) => Promise<boolean>;

/** A lock that is held; `id` is all that releasing it takes. */
export interface Held {
  readonly key: string;
  readonly id: string;
}

const MAX_BYTES = 64 * 1024;
const ATTEMPTS = 5;

export const newLockId = (): string => randomBytes(8).toString('hex');

export function lockKey(hostName: string): string {
  return `lifeboat/${hostName}/lock`;
}

/**
 * Takes the lock.
 *
 * @throws LifeboatError `locked`, naming the holder, while it lives or cannot be judged from here
 */
export async function acquireLock(
  target: Target,
  key: string,
  claim: Claim,
  isAlive: IsAlive,
  signal: AbortSignal,
): Promise<Held> {
  const { id = newLockId() } = claim;
  const body = Buffer.from(JSON.stringify({ format: 'lifeboat.lock/1', ...claim, id } satisfies Holder));
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await createLock(target, key, body, signal)) return { key, id };
    const holder = await readHolder(target, key, signal);
    if (holder === undefined) continue;
    if (!(await isGone(holder, claim, isAlive))) throw lockedBy(target, key, holder);
    await breakLock(target, key, holder.id, claim, isAlive, signal);
  }
  throw new LifeboatError('locked', `the lock ${key} at ${target.url} keeps changing hands`, { retryable: true });
}

/**
 * Removes what those left who died while they broke a lock. For the holder of the lock: whoever is breaking one just now finds
 * that it is not the stale one any more.
 */
export async function sweepBreaking(target: Target, key: string, signal: AbortSignal): Promise<void> {
  const folder = key.slice(0, key.lastIndexOf('/'));
  for (const object of await Array.fromAsync(target.list(folder, signal)))
    if (object.key.startsWith(breakingKey(key, ''))) await target.remove(object.key, signal);
}

function breakingKey(key: string, staleId: string): string {
  return `${key}.broken-${staleId}`;
}

/** Lets a lock go; one that is gone, or is somebody else's by now, is left alone. */
export async function releaseLock(target: Target, held: Held, signal: AbortSignal): Promise<void> {
  const holder = await readHolder(target, held.key, signal);
  if (holder?.id === held.id) await target.remove(held.key, signal);
}

/** Only what is certain counts: a holder that cannot be judged from here is taken to live. */
async function isGone(holder: Holder, claim: Claim, isAlive: IsAlive): Promise<boolean> {
  if (holder.bootId === undefined || claim.bootId === undefined) return false;
  if (holder.bootId !== claim.bootId) return claim.machineId !== undefined && holder.machineId === claim.machineId;
  return holder.pidNamespace === claim.pidNamespace && !(await isAlive(holder));
}

async function createLock(target: Target, key: string, body: Uint8Array, signal: AbortSignal): Promise<boolean> {
  try {
    await target.put(key, body, { ifAbsent: true }, signal);
    return true;
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'exists') return false;
    throw error;
  }
}

async function breakLock(
  target: Target,
  key: string,
  staleId: string,
  claim: Claim,
  isAlive: IsAlive,
  signal: AbortSignal,
): Promise<void> {
  const { id: _, ...own } = claim;
  const breaking = await acquireLock(target, breakingKey(key, staleId), own, isAlive, signal);
  try {
    const now = await readHolder(target, key, signal);
    if (now?.id === staleId) await target.remove(key, signal);
  } finally {
    await releaseLock(target, breaking, signal);
  }
}

async function readHolder(target: Target, key: string, signal: AbortSignal): Promise<Holder | undefined> {
  let text: string;
  try {
    text = (await getBytes(target, key, MAX_BYTES, signal)).toString('utf8');
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'not-found') return undefined;
    throw error;
  }
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new LifeboatError('locked', `the lock ${key} at ${target.url} cannot be read`, {
      hint: 'When no other run is under way there, remove that object.',
      cause,
    });
  }
}

function lockedBy(target: Target, key: string, holder: Holder): LifeboatError {
  return new LifeboatError(
    'locked',
    `${target.url} is locked by run ${holder.run} on ${holder.host} (process ${holder.pid}, since ${holder.since})`,
    { hint: `Wait for it to end. If that host is gone for good, remove the object ${key}.` },
  );
}
