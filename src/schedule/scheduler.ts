/** The scheduler: looks what is due and runs it, for as long as it is left to. */
import { lockFile } from '../host/file-lock.ts';
import type { Manager } from '../host/service-manager.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { sleep, throwIfAborted } from '../kernel/wait.ts';
import { afterJob, silenceIsDue, watchSilence } from './aftermath.ts';
import type { JobName } from '../config/schedule.ts';
import { historyOf, makeScheduleDirectory, readJobState, schedulerLock } from './state.ts';
import { type Job, jobsOf } from './jobs.ts';
import { nextRun } from './due.ts';
import { attend } from './run.ts';
import { tellTrouble, type Watch } from './telling.ts';

/**
 * The longest time between two looks. Timers stand still while the machine sleeps, and the clock may be set at any time: so
 * nothing is waited for in one piece.
 */
const longestSleepMs = 30_000;
const shortestSleepMs = 250;
const configuration = 'the configuration, of which the last good one goes on';
/** After something unexpected, such as a full disk under the state directory. */
const afterErrorMs = 60_000;

export interface Scheduling extends Omit<Watch, 'config'> {
  /** Read again at every look, so that a change of the file counts without a restart. */
  readonly loadConfig: () => Promise<Watch['config']>;
  readonly manager: Manager;
}

/**
 * Runs what comes due until the signal is aborted.
 *
 * @throws LifeboatError `interrupted`; `locked` when another scheduler works on this state directory; `config-invalid` when
 *   the first configuration cannot be read
 */
export async function runScheduler(scheduling: Scheduling, signal: AbortSignal): Promise<never> {
  const { self, say, manager, now } = scheduling;
  await makeScheduleDirectory(self.stateDir);
  await using lock = await lockFile(schedulerLock(self.stateDir));
  if (lock === undefined) {
    throw new LifeboatError('locked', `another scheduler works on ${self.stateDir}`, {
      hint: 'systemctl status lifeboat-schedule tells whether it is the service.',
    });
  }
  let config = await scheduling.loadConfig();
  let begun = true;
  const working = new Map<string, Promise<void>>();
  const troubles = new Map<string, LifeboatError>();
  /** Said each time, and told once until it is another: the message may name a file that is another each time. */
  const trouble = async (name: string, thrown: unknown) => {
    const error = asLifeboatError(thrown);
    say(`${name}: ${error.message}`);
    if (troubles.get(name)?.code === error.code) return;
    troubles.set(name, error);
    try {
      await tellTrouble(name, error, { ...scheduling, config }, signal);
    } catch (lost) {
      say(`${name}: ${asLifeboatError(lost).message}`);
    }
  };
  const begin = (name: string, work: () => Promise<void>) => {
    const guarded = async () => {
      try {
        await work();
        troubles.delete(name);
      } catch (error) {
        if (signal.aborted) return;
        await trouble(name, error);
        await sleep(afterErrorMs, signal).catch(() => {});
      }
    };
    working.set(
      name,
      guarded().finally(() => working.delete(name)),
    );
  };
  manager.tell({ READY: '1' });
  say(
    `the scheduler runs ${
      jobsOf(config.schedule, scheduling.hostName)
        .map(({ name }) => name)
        .join(', ') || 'nothing: no job has a schedule'
    }`,
  );
  try {
    for (;;) {
      throwIfAborted(signal);
      try {
        config = await scheduling.loadConfig();
        troubles.delete(configuration);
      } catch (error) {
        if (!troubles.has(configuration)) begin(configuration, () => Promise.reject(asLifeboatError(error)));
      }
      const watch: Watch = { ...scheduling, config };
      const jobs = jobsOf(config.schedule, scheduling.hostName);
      for (const [name, group] of groups(jobs)) {
        if (!working.has(name)) begin(name, () => attendAll(group, watch, signal));
      }
      if (!working.has('silence') && (begun || (await silenceIsDue(watch)))) {
        begun = false;
        begin('silence', () => watchSilence(watch, signal));
      }
      const next = await nextTimes(jobs, watch);
      manager.tell({ WATCHDOG: '1', STATUS: troubles.get(configuration)?.message ?? statusLine(next) });
      const longest = Math.min(longestSleepMs, (manager.watchdogMs ?? longestSleepMs * 4) / 4);
      const due = next.flatMap(({ at }) => (at === undefined ? [] : [at - now()]));
      await sleep(Math.max(shortestSleepMs, Math.min(longest, ...due)), signal);
    }
  } finally {
    manager.tell({ STOPPING: '1', STATUS: 'ends its runs' });
    // Their processes got a SIGTERM from the same signal, and clean up.
    await Promise.allSettled(working.values());
  }
}

/** Jobs that lock the repository run one after the other; a check does not wait for them. */
function groups(jobs: readonly Job[]): Map<string, Job[]> {
  return Map.groupBy(jobs, ({ name }) => (name === 'check' ? name : 'the jobs of the repository'));
}

/** Runs what is due of these jobs, and again what comes due while that went on. */
async function attendAll(jobs: readonly Job[], watch: Watch, signal: AbortSignal): Promise<void> {
  for (let again = true; again; ) {
    again = false;
    for (const job of jobs) {
      const attended = await attend(job, watch, signal);
      if (attended.type !== 'ended') continue;
      again = true;
      await afterJob(job.name, attended, watch, signal);
    }
  }
}

/**
 * Runs what is due now, one after the other, and looks for silence: for hosts where something else calls once in a while.
 *
 * @returns how each job that was due ended; a job that another process works on is not waited for
 */
export async function runDue(watch: Watch, signal: AbortSignal): Promise<{ job: JobName; outcome: string }[]> {
  const ended: { job: JobName; outcome: string }[] = [];
  for (const job of jobsOf(watch.config.schedule, watch.hostName)) {
    const attended = await attend(job, watch, signal);
    if (attended.type !== 'ended') continue;
    await afterJob(job.name, attended, watch, signal);
    ended.push({ job: job.name, outcome: attended.end.outcome });
  }
  if (ended.length === 0 && (await silenceIsDue(watch))) await watchSilence(watch, signal);
  return ended;
}

interface NextTime {
  readonly name: JobName;
  /** `undefined` while it runs. */
  readonly at: number | undefined;
}

async function nextTimes(jobs: readonly Job[], { self, now }: Watch): Promise<NextTime[]> {
  return Promise.all(
    jobs.map(async ({ name, timing }) => {
      const state = await readJobState(self.stateDir, name).catch(() => undefined);
      if (state?.running !== undefined) return { name, at: undefined };
      const handled = state === undefined ? now() : historyOf(state).handled;
      return { name, at: nextRun(timing, handled, now()).at };
    }),
  );
}

function statusLine(next: readonly NextTime[]): string {
  const texts = next.map(({ name, at }) => `${name} ${at === undefined ? 'runs' : new Date(at).toISOString()}`);
  return texts.length === 0 ? 'nothing is scheduled' : `next: ${texts.join(', ')}`;
}
