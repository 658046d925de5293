/** The jobs of a configuration: what each runs, and when. */
import { jobNames, type JobName } from '../config/schedule.ts';
import type { Config } from '../config/schema.ts';
import { parseDuration } from '../kernel/units.ts';
import { openCron } from './cron.ts';
import type { Timing } from './due.ts';
import { systemZone } from './zone.ts';

export type JobSettings = NonNullable<NonNullable<Config['schedule']>[JobName]>;

export interface Job {
  readonly name: JobName;
  readonly settings: JobSettings;
  readonly timeZone: string;
  readonly timing: Timing;
  /** What the command line is given, after the global options. */
  readonly command: readonly string[];
  /** Whose runs it leaves behind when it is killed. */
  readonly workflow: string;
}

const commands: Readonly<
  Record<Exclude<JobName, 'rescue' | 'drill'>, { readonly command: readonly string[]; readonly workflow: string }>
> = {
  backup: { command: ['backup'], workflow: 'backup' },
  verify: { command: ['points', 'verify', '--older-than', '30d'], workflow: 'verify' },
  prune: { command: ['points', 'prune'], workflow: 'prune' },
  check: { command: ['check'], workflow: 'check' },
};

/** @param hostName makes the random delays of this host its own */
export function jobsOf(schedule: Config['schedule'], hostName: string): Job[] {
  return jobNames.flatMap((name) => {
    const settings = schedule?.[name];
    if (settings === undefined) return [];
    const { command, workflow } = whatOf(name, schedule);
    const timeZone = settings.timeZone ?? systemZone();
    const timing = {
      cron: openCron(settings.cron, timeZone),
      randomDelayMs: settings.randomDelay === undefined ? 0 : parseDuration(settings.randomDelay),
      catchUp: settings.catchUp,
      seed: `${hostName}/${name}`,
    };
    return [{ name, settings, timeZone, timing, command, workflow }];
  });
}

function whatOf(name: JobName, schedule: Config['schedule']): Pick<Job, 'command' | 'workflow'> {
  if (name === 'rescue') return rescueJob(schedule?.rescue);
  return name === 'drill' ? drillJob(schedule?.drill) : commands[name];
}

/** Of the files alone, where a host is too large to be started; these are restored by a run, which may be cut off. */
function drillJob(settings: NonNullable<Config['schedule']>['drill']): Pick<Job, 'command' | 'workflow'> {
  const { files = false, output } = settings ?? {};
  const options = [...(files ? ['--files'] : []), ...(output === undefined ? [] : ['--output', output])];
  return { command: ['drill', ...options], workflow: 'drill' };
}

/** A medium anew, where the newest one does not fit any more. */
function rescueJob(settings: NonNullable<Config['schedule']>['rescue']): Pick<Job, 'command' | 'workflow'> {
  const { format = 'iso', output = '', prove = true } = settings ?? {};
  const options = ['--format', format, '--output', output, ...(prove ? ['--prove'] : [])];
  return { command: ['rescue', 'build', '--when-stale', ...options], workflow: 'rescue' };
}
