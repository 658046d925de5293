/** A checkpoint that somebody else makes for us, by CRIU: the container runs on where that fails, hangs or is killed. */
import { inWords, readLog } from './explained.ts';
import { mendDump, treeBefore } from '../../criu/mend.ts';
import { isThere } from '../../criu/processes.ts';
import type { Host } from '../../host/host.ts';
import { withoutCriu } from './leftovers.ts';
import { networkOf, unlock } from './locked-network.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { cgroupDirectories, parseCgroupMounts } from '../live/cgroups.ts';

export interface Dumped {
  readonly pid: number;
  /** Where it is made. */
  readonly work: string;
  /** Where CRIU writes, if it is known beforehand. */
  readonly log?: string;
  /** Makes it run again from its images, where it has ended though not all is done. */
  readonly again: () => Promise<void>;
}

/**
 * @param work makes the checkpoint
 * @throws LifeboatError with the cause, after the container was brought back to where it was
 */
export async function undoing(
  host: Host,
  dumped: Dumped,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { pid, work: place, log, again } = dumped;
  const before = await treeBefore(pid, await freezerOf(host, pid, signal));
  const network = await networkOf(host, pid, undefined, signal);
  try {
    await work();
  } catch (thrown) {
    // A runtime that was killed leaves its CRIU behind, which goes on.
    await withoutCriu(host, place, new AbortController().signal);
    const error = await inWords(host, thrown, log === undefined ? [] : [log]);
    const named = /(\/[^\s:"']+\.log)\b/.exec(asLifeboatError(thrown).message)?.[1] ?? log;
    const said = named === undefined ? '' : await readLog(host, named);
    const done: string[] = [];
    if (await isThere(pid)) {
      // CRIU says so when it has undone everything itself; without that it was killed.
      if (!/Dumping FAILED|Dumping finished/.test(said)) {
        const { done: mended, problems } = await mendDump(before, said);
        const rules = (await unlock(host, network, pid)).map((one) => `removed ${one}`);
        done.push(...mended, ...rules, ...problems);
      }
      done.push('the container runs as before');
    } else {
      try {
        await again();
      } catch (second) {
        const words = `${error.message}; the container has ended, and cannot be restored: ${asLifeboatError(second).message}`;
        throw new LifeboatError(error.code, words, { hint: error.hint, cause: error.cause ?? error });
      }
      done.push('the container had ended, and runs again from its images');
    }
    throw new LifeboatError(error.code, `${error.message}; ${done.join('; ')}`, {
      hint: error.hint,
      cause: error.cause ?? error,
    });
  }
}

/** The cgroup that holds all of the container while CRIU stops it. */
export async function freezerOf(host: Host, pid: number, signal: AbortSignal): Promise<string | undefined> {
  const membership = (await host.read(`/proc/${pid}/cgroup`, {}, signal)).toString();
  const mounts = parseCgroupMounts((await host.read('/proc/self/mountinfo', {}, signal)).toString());
  const directories = cgroupDirectories(membership, mounts);
  const found = directories.get('freezer') ?? directories.get('');
  // Never the root of all: nobody freezes that.
  return found !== undefined && mounts.some(({ point }) => point === found) ? undefined : found;
}
