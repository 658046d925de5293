/** A checkpoint that somebody else makes for us, by CRIU: the container runs on where that fails, hangs or is killed. */
import { inWords, readLog } from './explained.ts';
import { join } from 'node:path/posix';
import { mendDump, treeBefore } from '../../criu/mend.ts';
import { isThere } from '../../criu/processes.ts';
import type { Host } from '../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { cgroupDirectories, parseCgroupMounts } from '../live/cgroups.ts';

export interface Dumped {
  readonly pid: number;
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
  const { pid, log, again } = dumped;
  const before = await treeBefore(pid, await freezer(host, pid, signal));
  try {
    await work();
  } catch (thrown) {
    const error = await inWords(host, thrown, log === undefined ? [] : [log]);
    const named = /(\/[^\s:"']+\.log)\b/.exec(error.message)?.[1] ?? log;
    const said = named === undefined ? '' : await readLog(host, named);
    const done: string[] = [];
    if (await isThere(pid)) {
      // CRIU says so when it has undone everything itself; without that it was killed.
      if (!/Dumping FAILED|Dumping finished/.test(said)) {
        const { done: mended, problems } = await mendDump(before, said);
        done.push(...mended, ...(await unlockByIptables(host, pid)), ...problems);
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
async function freezer(host: Host, pid: number, signal: AbortSignal): Promise<string | undefined> {
  const membership = (await host.read(`/proc/${pid}/cgroup`, {}, signal)).toString();
  const mounts = parseCgroupMounts((await host.read('/proc/self/mountinfo', {}, signal)).toString());
  const directories = cgroupDirectories(membership, mounts);
  const found = directories.get('freezer') ?? directories.get('');
  // Never the root of all: nobody freezes that.
  return found !== undefined && mounts.some(({ point }) => point === found) ? undefined : found;
}

/** CRIU's rules in the container's own network; runtimes let it lock that by iptables unless they are told otherwise. */
async function unlockByIptables(host: Host, pid: number): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const done: string[] = [];
  for (const tool of ['iptables', 'ip6tables']) {
    const run = async (...args: readonly string[]): Promise<number> => {
      const inside = ['nsenter', `--net=/proc/${pid}/ns/net`, tool, '-w', '5', ...args] as const;
      const { code } = await host.run(inside, { okCodes: [0, 1, 2, 3, 4, 127], timeoutMs: 15_000 }, signal);
      return code;
    };
    if ((await run('-S', 'CRIU')) !== 0) continue;
    await run('-D', 'INPUT', '-j', 'CRIU');
    await run('-D', 'OUTPUT', '-j', 'CRIU');
    await run('-F', 'CRIU');
    await run('-X', 'CRIU');
    done.push(`removed the rules of ${tool}`);
  }
  return done;
}

/** A file for CRIU's own settings, which runtimes hand on by the environment. */
export async function criuSettings(
  host: Host,
  work: string,
  settings: readonly string[],
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const file = join(work, 'criu.conf');
  await host.write(file, Buffer.from(settings.map((line) => `${line}\n`).join('')), {}, signal);
  return { CRIU_CONFIG_FILE: file };
}
