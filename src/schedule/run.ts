/** One job: what is due of it now is run to its end and put on record. */
import { lockFile } from '../host/file-lock.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { formatDuration, parseDuration } from '../kernel/units.ts';
import { limited, sleep, throwIfAborted } from '../kernel/wait.ts';
import { listRuns } from '../workflow/store.ts';
import { type Decision, decide } from './due.ts';
import type { Job } from './jobs.ts';
import { reasonToWait } from './pause.ts';
import { type Result, runSelf, type Self } from './self.ts';
import {
  historyOf,
  type JobEnd,
  jobPaths,
  type JobState,
  makeScheduleDirectory,
  readJobState,
  writeJobState,
} from './state.ts';

/** How often it is looked whether the machine is still busy or on battery. */
const pauseStepMs = 30_000;
const longestRunMs = 14 * 86_400_000;
/** How many runs back leavings are looked for. */
const recentRuns = 20;

export interface Surroundings {
  readonly self: Self;
  readonly now: () => number;
  /** What a person who watches should know. */
  readonly say: (text: string) => void;
}

export type Attended =
  /** Nothing is due; look again then. */
  | { readonly type: 'idle'; readonly until: number }
  /** Another process works on this job. */
  | { readonly type: 'busy' }
  | { readonly type: 'ended'; readonly end: JobEnd; readonly result: Result | undefined };

/**
 * Runs what is due of a job. Nothing else runs it meanwhile, in no process of this machine.
 *
 * @throws LifeboatError `interrupted` when the signal is aborted: the run stays on record as one that was killed, and is
 *   begun again
 */
export async function attend(job: Job, around: Surroundings, signal: AbortSignal): Promise<Attended> {
  const { stateDir } = around.self;
  await makeScheduleDirectory(stateDir);
  await using lock = await lockFile(jobPaths(stateDir, job.name).lock);
  if (lock === undefined) return { type: 'busy' };
  const state = await stateOf(job, around);
  const decision = decide(job.timing, historyOf(state), around.now());
  switch (decision.type) {
    case 'wait':
      return { type: 'idle', until: decision.until };
    case 'reset':
      around.say(`${job.name}: the clock was set back; the schedule goes on from now`);
      await writeJobState(stateDir, job.name, { ...withoutRunning(state), handled: iso(decision.handled) });
      return { type: 'idle', until: around.now() };
    case 'skip':
      return await skip(job, state, decision, around, signal);
    case 'run':
      return await run(job, state, decision, around, signal);
  }
}

/** Of a job that was never looked at: nothing before now is due. */
async function stateOf(job: Job, { self, now, say }: Surroundings): Promise<Omit<JobState, 'format'>> {
  const fresh = { handled: iso(now()) };
  const found = await readJobState(self.stateDir, job.name).catch((error: unknown) => {
    if (!(error instanceof LifeboatError && error.code === 'record-damaged')) throw error;
    say(`${job.name}: what was on record cannot be read, and is begun anew: ${error.message}`);
    return undefined;
  });
  if (found !== undefined) return found;
  await writeJobState(self.stateDir, job.name, fresh);
  return fresh;
}

async function skip(
  job: Job,
  state: Omit<JobState, 'format'>,
  { tick, reason }: Extract<Decision, { type: 'skip' }>,
  around: Surroundings,
  signal: AbortSignal,
): Promise<Attended> {
  const { self, now, say } = around;
  const problem =
    reason === 'missed'
      ? `the run of ${iso(tick)} was missed, and missed runs are not caught up (catchUp: false)`
      : `the run of ${iso(tick)} died every time it was begun`;
  say(`${job.name}: ${problem}`);
  if (reason === 'died') await leavings(job, around, signal);
  const at = iso(now());
  const outcome = reason === 'missed' ? 'missed' : 'killed';
  const end: JobEnd = { tick: iso(tick), startedAt: at, endedAt: at, outcome, problem, attempts: 0 };
  const handled = iso(Math.max(tick, Date.parse(state.handled)));
  await writeJobState(self.stateDir, job.name, { handled, last: end });
  return { type: 'ended', end, result: undefined };
}

async function run(
  job: Job,
  state: Omit<JobState, 'format'>,
  { tick, late, beginnings }: Extract<Decision, { type: 'run' }>,
  around: Surroundings,
  signal: AbortSignal,
): Promise<Attended> {
  const { self, now, say } = around;
  const startedAt = iso(now());
  const handled = Math.max(tick, Date.parse(state.handled));
  // On record before it begins: whatever happens to this process, the tick is not run twice as if nothing had been.
  const running = { tick: iso(tick), startedAt, beginnings };
  await writeJobState(self.stateDir, job.name, { ...state, handled: iso(handled), running });
  if (beginnings > 1) say(`${job.name}: the run of ${iso(tick)} was killed, and is begun again`);
  else if (late) say(`${job.name}: the run of ${iso(tick)} was missed, and is made up now`);
  else say(`${job.name}: begins`);
  const { result, attempts, overlapped } = await attemptsAt(job, around, signal);
  throwIfAborted(signal);
  // At once, not before the run of the next night: a service that it stopped may still be down.
  if (!overlapped && outcomeOf(result.code) === 'failed') await leavings(job, around, signal);
  const end: JobEnd = {
    tick: iso(tick),
    startedAt,
    endedAt: iso(now()),
    outcome: overlapped ? 'overlapped' : outcomeOf(result.code),
    exitStatus: result.code,
    ...(result.run === undefined ? {} : { run: result.run.id }),
    ...(result.error === undefined ? {} : { problem: result.error.message }),
    attempts,
  };
  // What came due while this went on is not run on top of it.
  const passed = job.timing.cron.last(now(), handled);
  if (passed !== undefined)
    say(`${job.name}: the run of ${iso(passed)} is left out, as the one before it still went on`);
  await writeJobState(self.stateDir, job.name, { handled: iso(passed ?? handled), last: end });
  say(`${job.name}: ${end.outcome}${end.problem === undefined ? '' : `: ${end.problem}`}`);
  return { type: 'ended', end, result };
}

interface Attempts {
  readonly result: Result;
  readonly attempts: number;
  /** Somebody else's run of the same workflow goes on. */
  readonly overlapped: boolean;
}

/** Waits for its moment, cleans up after runs that died, and tries as often as the settings say, all within the time limit. */
async function attemptsAt(job: Job, around: Surroundings, signal: AbortSignal): Promise<Attempts> {
  const { self, say } = around;
  const { timeLimit, retry } = job.settings;
  await waitWhileBusy(job, around, signal);
  using limit = limited(signal, timeLimit === undefined ? longestRunMs : parseDuration(timeLimit), () => {
    return new LifeboatError('step-timeout', `${job.name} did not end within its time limit of ${timeLimit}`, {
      hint: `What it half did was undone. If it needs longer, set schedule.${job.name}.timeLimit.`,
    });
  });
  for (let attempt = 1; ; attempt += 1) {
    if (await leavings(job, around, limit.signal)) {
      const error = { code: 'locked', message: `a run of ${job.workflow} that somebody else began still goes on` };
      return { result: { code: 6, document: undefined, error }, attempts: attempt - 1, overlapped: true };
    }
    const result = await resultOf(self, job, limit.signal, signal);
    const again = result.code === 6 || result.error?.retryable === true;
    if (!again || attempt >= retry.attempts || limit.signal.aborted)
      return { result, attempts: attempt, overlapped: false };
    const pause = Math.min(parseDuration(retry.delay) * 2 ** (attempt - 1), parseDuration(retry.maxDelay));
    say(`${job.name}: ${result.error?.message ?? 'it failed'}; attempt ${attempt + 1} in ${formatDuration(pause)}`);
    try {
      await sleep(pause, limit.signal);
    } catch (error) {
      throwIfAborted(signal);
      return { result: failed(error), attempts: attempt, overlapped: false };
    }
  }
}

/** A run that cannot be started or runs out of time has failed; only our own end is passed on. */
async function resultOf(self: Self, job: Job, limit: AbortSignal, signal: AbortSignal): Promise<Result> {
  try {
    return await runSelf(self, job.command, limit);
  } catch (error) {
    throwIfAborted(signal);
    const [newest] = await listRuns(self.stateDir).catch(() => []);
    const run = newest !== undefined && 'workflow' in newest && newest.workflow === job.workflow ? newest : undefined;
    return { ...failed(error), ...(run === undefined ? {} : { run: { id: run.id, findings: [...run.findings] } }) };
  }
}

function failed(error: unknown): Result {
  const { code, message, hint } = asLifeboatError(error);
  return { code: 1, document: undefined, error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

/**
 * Undoes what runs of this workflow that died or could not clean up left behind, so that nothing piles up and nothing stays
 * stopped.
 *
 * @returns whether one of them is still being worked on
 */
async function leavings({ name, workflow }: Job, { self, say }: Surroundings, signal: AbortSignal): Promise<boolean> {
  const runs = (await listRuns(self.stateDir)).slice(0, recentRuns).flatMap((item) => ('status' in item ? [item] : []));
  const own = runs.filter((item) => item.workflow === workflow);
  if (own.some(({ status }) => status === 'running')) return true;
  for (const { id, status, owed } of own) {
    const left = status === 'killed' || ((status === 'failed' || status === 'interrupted') && owed.length > 0);
    if (!left) continue;
    say(`${name}: undoes what the run ${id} left behind (${status})`);
    const { error } = await runSelf(self, ['runs', 'resume', id, '--undo'], signal);
    // It stays owed and is tried again next time; the run that is due does not wait for it.
    if (error !== undefined) say(`${name}: the run ${id} could not be undone: ${error.message}`);
  }
  return false;
}

/** After `pause.atMost` it runs all the same: a late backup is worth more than a quiet machine. */
async function waitWhileBusy(
  { name, settings }: Job,
  { self, now, say }: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  if (settings.pause === undefined) return;
  const since = now();
  const atMost = parseDuration(settings.pause.atMost);
  for (let said = false; ; said = true) {
    const reason = await reasonToWait(settings.pause, self.host, signal);
    if (reason === undefined) return;
    if (now() - since >= atMost) {
      say(`${name}: the machine has not come to rest for ${settings.pause.atMost} (${reason}); it runs all the same`);
      return;
    }
    if (!said) say(`${name}: waits for the machine: ${reason}`);
    await sleep(Math.min(pauseStepMs, Math.max(1000, atMost / 4)), signal);
  }
}

function outcomeOf(code: number): JobEnd['outcome'] {
  return code === 0 ? 'done' : code === 4 ? 'incomplete' : code === 3 ? 'difference' : 'failed';
}

function withoutRunning({ handled, last }: Omit<JobState, 'format'>): Omit<JobState, 'format'> {
  return { handled, ...(last === undefined ? {} : { last }) };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
