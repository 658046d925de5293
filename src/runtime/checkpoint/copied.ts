/** A container that is stopped and copied in place of being dumped: as somebody agreed to, for the reasons that they were told. */
import { dirname, join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { Copies, Lifecycle } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { pack } from './archive.ts';
import type { CheckpointOptions } from './checkpoint.ts';
import { type Checkpoint, checkpointBegun } from './document.ts';
import { freeBytes } from './facts.ts';
import { archiveIn, finish, type Making } from './finish.ts';
import { noteIntent } from './leftovers.ts';
import { isRunning } from './running.ts';
import { thisProcess } from './worker.ts';

/** Of one container, which may be another one of its name by then. */
export interface AgreedStop {
  readonly id: string;
  readonly reasons: readonly string[];
}

const wanted = 'it is to be stopped, also where it could be dumped';

/** @returns why it is stopped, in words; nothing where it is not */
export function reasonsToStop(
  stopInstead: CheckpointOptions['stopInstead'],
  obstacles: readonly string[],
): readonly string[] | undefined {
  if (stopInstead === undefined) return undefined;
  const isWanted =
    stopInstead === 'always' || (typeof stopInstead === 'object' && stopInstead.reasons.includes(wanted));
  if (isWanted) return [wanted];
  return obstacles.length === 0 ? undefined : obstacles;
}

/** The same reasons of the same container have other numbers of processes the next time. */
export const lastingReasons = (reasons: readonly string[]): readonly string[] =>
  [...new Set(reasons.map((text) => text.replace(/\bprocess \d+ /g, 'a process ')))].sort();

/** @throws LifeboatError `refused` where nobody agreed to just this */
export function refuseOtherThanAgreed(
  { id, name }: Container,
  { stopInstead }: CheckpointOptions,
  reasons: readonly string[],
): void {
  const agreed = typeof stopInstead === 'object' ? stopInstead : undefined;
  const known = new Set(lastingReasons(agreed?.reasons ?? []));
  const others = lastingReasons(reasons).filter((reason) => !known.has(reason));
  if (agreed?.id === id && others.length === 0) return;
  const why = agreed?.id === id ? others.join('; ') : 'nobody agreed that this container is stopped';
  throw new LifeboatError('refused', `${name} is not stopped: ${why}`, {
    hint: 'Nothing was done. Give the command again, which asks for what is so now.',
  });
}

/** @throws LifeboatError `refused` with all that speaks against it */
export function refuseFor({ name }: Container, how: string, obstacles: readonly string[], hint: string): void {
  const [first, ...others] = obstacles;
  if (first === undefined) return;
  const all = others.length === 0 ? first : [`${obstacles.length} things speak against it`, ...obstacles].join('\n');
  throw new LifeboatError('refused', `${name} cannot be ${how}: ${all}`, { hint });
}

/** All that speaks against it, in words; also that there is no room. Changes nothing. */
export async function whyNotStopped(
  host: Host,
  container: Container,
  copies: Copies | undefined,
  { output }: CheckpointOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (copies === undefined) return ['nobody knows how it was started'];
  const found = await copies.obstacles(host, container, signal);
  const directory = dirname(output);
  const [bytes, free] = [await copies.bytes(host, container, signal), await freeBytes(host, directory, signal)];
  // Once as it is copied, and once in the archive that is made of that.
  return 2 * bytes <= free
    ? found
    : [
        ...found,
        `a copy of it takes ${formatBytes(2 * bytes)} while it is made, and ${directory} has ${formatBytes(free)} free`,
      ];
}

/** @throws LifeboatError after which it runs, from its beginning */
export async function copyIn(
  host: Host,
  container: Container,
  lifecycle: Lifecycle,
  copies: Copies,
  making: Making,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const { work, leaveRunning } = making;
  const tree = join(work, 'tree');
  await host.run(['mkdir', '-p', '--', join(work, 'lifeboat'), tree], {}, signal);
  const by = await thisProcess();
  const note = async (copy: 'stopping' | 'started'): Promise<void> =>
    await noteIntent(host, work, { format: checkpointBegun, by, container, copy }, signal);
  await note('stopping');
  const toEnd = new AbortController().signal;
  try {
    // Half stopped, it would end when nobody looks any more.
    await lifecycle.stop(host, container, toEnd);
    throwIfAborted(signal);
    await copies.copy(host, container, tree, signal);
    // As soon as it can: it is packed and hashed while it runs.
    if (leaveRunning) {
      await lifecycle.start(host, container, signal);
      await note('started');
    }
    await pack(host, tree, archiveIn(work), signal);
    return await finish(host, container, making, { withoutMemory: true }, [], signal);
  } catch (thrown) {
    const error = asLifeboatError(thrown);
    if (await isRunning(host, container)) throw error;
    const options = { hint: error.hint, cause: error };
    try {
      await lifecycle.start(host, container, toEnd);
    } catch (second) {
      const words = `${error.message}; ${container.name} had been stopped, and cannot be started: ${asLifeboatError(second).message}`;
      throw new LifeboatError(error.code, words, options);
    }
    const words = `${error.message}; ${container.name} had been stopped, and was started again`;
    throw new LifeboatError(error.code, words, options);
  }
}
