/** What is scheduled, when it runs next, and how it went the last time. */
import type { Config } from '../config/schema.ts';
import type { LastRun } from '../notify/status.ts';
import { decide, nextRun } from './due.ts';
import { type Job, jobsOf } from './jobs.ts';
import { historyOf, jobRuns, type JobState, readJobState } from './state.ts';
import { wallOf } from './zone.ts';

export interface ListedJob {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  /** The next runs, random delay included; instants in ISO 8601. */
  readonly next: readonly string[];
  /** The same on the clocks of its time zone. */
  readonly nextLocal: readonly string[];
  readonly last?: LastRun;
  /** What speaks against anybody running it. */
  readonly unattended?: string;
}

/** @throws LifeboatError `record-damaged`, … for what is on record of a job */
export async function listJobs(
  { schedule }: Pick<Config, 'schedule'>,
  { hostName, stateDir, count, now }: { hostName: string; stateDir: string; count: number; now: number },
): Promise<ListedJob[]> {
  return Promise.all(
    jobsOf(schedule, hostName).map(async ({ name, settings, timeZone, timing }) => {
      const state = await readJobState(stateDir, name);
      const handled = state === undefined ? now : historyOf(state).handled;
      const next: number[] = [];
      for (let tick = handled, from = now; next.length < count; ) {
        const run = nextRun(timing, tick, from);
        next.push(run.at);
        tick = run.tick;
        from = run.at;
      }
      const last = state === undefined ? undefined : lastOf(state);
      const unattended =
        state?.running === undefined
          ? unattendedOf(timing, state, now)
          : (await jobRuns(stateDir, name))
            ? undefined
            : `its run of ${state.running.tick} was killed, and nobody began it again`;
      return {
        name,
        cron: settings.cron,
        timeZone,
        next: next.map((at) => new Date(at).toISOString()),
        nextLocal: next.map((at) => localText(at, timeZone)),
        ...(last === undefined ? {} : { last }),
        ...(unattended === undefined ? {} : { unattended }),
      };
    }),
  );
}

function lastOf({ running, last }: NonNullable<Awaited<ReturnType<typeof readJobState>>>): LastRun | undefined {
  if (running !== undefined) return { startedAt: running.startedAt, outcome: 'running' };
  if (last === undefined) return undefined;
  const { tick: _tick, attempts: _attempts, ...rest } = last;
  return rest;
}

function unattendedOf(timing: Job['timing'], state: JobState | undefined, now: number): string | undefined {
  if (state === undefined) return 'no scheduler has looked at it yet';
  const decision = decide(timing, historyOf(state), now);
  const late = decision.type === 'run' ? decision.late : decision.type === 'skip';
  return late && 'tick' in decision ? `nobody began its run of ${new Date(decision.tick).toISOString()}` : undefined;
}

/** `Sun 2026-03-29 03:00 GMT+2` */
export function localText(instant: number, timeZone: string): string {
  const wall = new Date(wallOf(instant, timeZone));
  const day = wall.toLocaleDateString('en', { weekday: 'short', timeZone: 'UTC' });
  const zone = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'shortOffset' })
    .formatToParts(instant)
    .find(({ type }) => type === 'timeZoneName')?.value;
  return `${day} ${wall.toISOString().slice(0, 16).replace('T', ' ')} ${zone ?? timeZone}`;
}
