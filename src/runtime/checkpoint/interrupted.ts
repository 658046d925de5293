/** What a killed lifeboat has left of a checkpoint or a restore: the container runs on, or again, or what was half made of it is removed. */
import { join } from 'node:path/posix';
import { mendDump } from '../../criu/mend.ts';
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { present } from '../../kernel/present.ts';
import { captureContainers } from '../capture.ts';
import type { Tcp } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { type CheckpointIntent, checkpointBegun, type RestoreIntent, restoreBegun } from './document.ts';
import { discard, type Leftover, leftoversOf, refuseWhileAtWork } from './leftovers.ts';
import { unlock } from './locked-network.ts';
import type { Restored, RestoreOptions } from './restore.ts';
import { lifecycleOf } from './verbs.ts';

export type BegunCheckpoint = Leftover & { readonly intent: CheckpointIntent };
export type BegunRestore = Leftover & { readonly intent: RestoreIntent };

export function isCheckpoint(leftover: Leftover): leftover is BegunCheckpoint {
  return leftover.intent.format === checkpointBegun;
}

export function isRestore(leftover: Leftover): leftover is BegunRestore {
  return leftover.intent.format === restoreBegun;
}

/** Of a checkpoint into this file that was killed while it was made. */
export async function interruptedOf(
  host: Host,
  file: string,
  signal: AbortSignal,
): Promise<BegunCheckpoint | undefined> {
  return (await leftoversOf(host, file, signal)).find(isCheckpoint);
}

/**
 * Makes the container run again, or removes what is left where it runs.
 *
 * @throws LifeboatError `locked`, `refused` for what cannot be heeded, or where nobody knows whether it runs: nothing was done then
 */
export async function resumeInterrupted(
  host: Host,
  leftover: BegunCheckpoint,
  { dryRun, name, tcp }: Pick<RestoreOptions, 'dryRun' | 'name' | 'tcp'>,
  signal: AbortSignal,
): Promise<Restored> {
  const { work, intent } = leftover;
  const { container } = intent;
  await refuseWhileAtWork(host, leftover, false, signal);
  if (!dryRun) await lifecycleOf(container.runtime).thaw?.(host, container, signal);
  const there = await stateOf(host, container, container.id, work, signal);
  const runs = there?.state === 'running';
  refuseWishes(intent, runs, name, tcp);
  const { copy } = intent;
  // Somebody may have asked it to end already.
  const isEnding = runs && copy === 'stopping';
  const result = {
    container,
    interrupted: runs && !isEnding ? ('it ran on' as const) : ('restored' as const),
    ...(copy === undefined ? {} : { withoutMemory: true as const }),
  };
  if (dryRun) return result;
  let removed: readonly string[] = [];
  const lifecycle = lifecycleOf(container.runtime);
  if (isEnding) await lifecycle.stop(host, container, new AbortController().signal);
  if (isEnding || (!runs && copy !== undefined)) await lifecycle.start(host, container, new AbortController().signal);
  else if (there?.pid !== undefined && runs) removed = await putRight(host, intent, there.pid);
  else {
    const used = tcp ?? intent.tcp;
    const request = { archive: join(work, 'archive.tar'), work, ...(used === undefined ? {} : { tcp: used }) };
    await lifecycle.resume(host, container, request, signal);
  }
  await discard(host, work);
  return { ...result, id: container.id, ...(removed.length === 0 ? {} : { removed }) };
}

/** What CRIU leaves in a tree and its network where all who would have undone it were killed with it. */
async function putRight(host: Host, intent: CheckpointIntent, pid: number): Promise<readonly string[]> {
  const { network, stopped, freezeCgroup } = intent;
  if (network === undefined) return [];
  await mendDump({ root: pid, stopped: new Set(stopped), ...(freezeCgroup === undefined ? {} : { freezeCgroup }) }, '');
  return await unlock(host, network, pid);
}

/** @throws LifeboatError `refused` for one that is frozen, or of which nobody knows */
async function stateOf(
  host: Host,
  { runtime, name }: Container,
  called: string,
  work: string,
  signal: AbortSignal,
): Promise<Container | undefined> {
  const { containers, gaps } = await captureContainers(host, new Date(), signal, [runtime]);
  const found = containers.find((one) => one.id === called) ?? containers.find((one) => one.name === called);
  const [gap] = gaps;
  if (found?.state !== 'paused' && (found !== undefined || gap === undefined)) return found;
  const why = found === undefined ? `nobody knows whether it runs: ${gap?.problem}` : 'it is frozen';
  throw new LifeboatError('refused', `${name} is left as it is: ${why}`, {
    hint: `Nothing was done. Let it run on by its runtime, or end it; then give the same command again. What was written is in ${work}.`,
  });
}

/** It can only go on as it was: its images are those of this container, and its volumes are its own and stay as they are. */
function refuseWishes(
  { container, tcp: had }: CheckpointIntent,
  runs: boolean,
  name: string | undefined,
  tcp: Tcp | undefined,
): void {
  const refused = (why: string, hint: string): LifeboatError =>
    new LifeboatError('refused', `a checkpoint of ${container.name} was interrupted: ${why}`, { hint });
  if (name !== undefined && name !== container.name) {
    const what = runs ? 'it has run on' : 'it can only be made to run again under its own name';
    throw refused(`${what}, and nothing was done`, 'Leave out --name, and make another checkpoint of it then.');
  }
  if (tcp === 'keep' && had === 'close' && !runs) {
    throw refused('it was said then that its connections are closed, so that they are not kept', 'Leave out --tcp.');
  }
}

/** What became of a restore that was cut off. */
export interface Cleared {
  /** The container, where it was made whole and is there. */
  readonly made?: Container;
  /** It was started from its beginning. */
  readonly withoutMemory?: true;
  /** What was half made and is gone now, in words. */
  readonly removed: readonly string[];
}

/** @throws LifeboatError `locked`, or `refused` where nobody knows whether it runs: nothing was done then */
export async function clearRestore(host: Host, leftover: BegunRestore, signal: AbortSignal): Promise<Cleared> {
  const { work, intent } = leftover;
  await refuseWhileAtWork(host, leftover, true, signal);
  const { making } = intent;
  if (making === undefined) {
    await discard(host, work);
    return { removed: [work] };
  }
  const { container, name, before, withoutMemory } = making;
  const wanted = { container, ...(name === undefined ? {} : { name }) };
  const lifecycle = lifecycleOf(container.runtime);
  const called = await lifecycle.restoredAs(wanted, work);
  const there = called === undefined ? undefined : await stateOf(host, container, called, work, signal);
  if (there?.state === 'running') {
    await discard(host, work);
    return { made: there, removed: [work], ...present({ withoutMemory }) };
  }
  const removed = await lifecycle.discard(host, wanted, before, work);
  await discard(host, work);
  return { removed: [...removed, work] };
}
