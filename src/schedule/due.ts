/** What is due: a pure function of schedule, what is on record of the job, and the time. No clock is read here. */
import { createHash } from 'node:crypto';
import type { Cron } from './cron.ts';

const minute = 60_000;
/** Clocks are set by so much without a word: what was done is done. */
const clockSlack = 60 * minute;
/** Within so much of its time a run is on time: cron looks every five minutes. */
const onTime = 10 * minute;
/** How often a run that took the machine down with it is begun again for the same tick. */
const maxBeginnings = 3;

export interface Timing {
  readonly cron: Cron;
  readonly randomDelayMs: number;
  readonly catchUp: boolean;
  /** Names host and job, so that the random delay of a tick is the same whenever it is asked for. */
  readonly seed: string;
}

/** What is on record of a job. Times are instants in milliseconds. */
export interface History {
  /** Every tick up to here is done with: its run was begun, or it was skipped and said. */
  readonly handled: number;
  /** A run was begun and has not ended; when no process works on it, it was killed. */
  readonly running?: { readonly tick: number; readonly startedAt: number; readonly beginnings: number };
}

export type Decision =
  /** `late`: made up for after sleep or power-off. `again`: the run of this tick was killed. */
  | { readonly type: 'run'; readonly tick: number; readonly late: boolean; readonly beginnings: number }
  /** Nobody ran it in time and it is not to be made up, or its run died too often. */
  | { readonly type: 'skip'; readonly tick: number; readonly reason: 'missed' | 'died' }
  /** The clock was set back: what is on record lies in the future and says nothing any more. */
  | { readonly type: 'reset'; readonly handled: number }
  | { readonly type: 'wait'; readonly until: number };

/**
 * What to do now for a job that no process works on.
 *
 * - A tick is run once; of several that were missed the last is run, and the others are not.
 * - A run that was killed is begun again, up to three times, where missed runs are caught up.
 * - A clock that was set back by more than an hour starts the record anew.
 */
export function decide({ cron, catchUp, ...timing }: Timing, history: History, now: number): Decision {
  const { running } = history;
  if (history.handled > now + clockSlack) return { type: 'reset', handled: now };
  const due = lastDue({ cron, ...timing }, history.handled, now);
  if (running !== undefined && due === undefined) {
    if (!catchUp || running.beginnings >= maxBeginnings) return { type: 'skip', tick: running.tick, reason: 'died' };
    return { type: 'run', tick: running.tick, late: true, beginnings: running.beginnings + 1 };
  }
  if (due !== undefined) {
    const late = now > due.at + onTime;
    if (late && !catchUp) return { type: 'skip', tick: due.tick, reason: 'missed' };
    return { type: 'run', tick: due.tick, late, beginnings: 1 };
  }
  return { type: 'wait', until: nextRun({ cron, ...timing }, history.handled, now).at };
}

type Delayed = Pick<Timing, 'cron' | 'randomDelayMs' | 'seed'>;

/** The last tick that is not done with and whose time, with its delay, has come. */
function lastDue(timing: Delayed, handled: number, now: number): { tick: number; at: number } | undefined {
  const last = timing.cron.last(now, handled);
  if (last === undefined) return undefined;
  const at = startOf(timing, last);
  if (at <= now) return { tick: last, at };
  // It waits for its random delay. No delay reaches the tick after it, so the one before is due when it is not done.
  const before = timing.cron.last(last - 1, handled);
  return before === undefined ? undefined : { tick: before, at: startOf(timing, before) };
}

/** The next run that is not due yet. */
export function nextRun(timing: Delayed, handled: number, now: number): { readonly tick: number; readonly at: number } {
  const last = timing.cron.last(now, handled);
  if (last !== undefined && startOf(timing, last) > now) return { tick: last, at: startOf(timing, last) };
  const tick = timing.cron.next(Math.max(now, Math.min(handled, now + clockSlack)));
  return { tick, at: startOf(timing, tick) };
}

/** A tick with its random delay, always before the next tick. The same tick has the same delay, also after a restart. */
export function startOf({ cron, randomDelayMs, seed }: Delayed, tick: number): number {
  if (randomDelayMs === 0) return tick;
  const room = Math.min(randomDelayMs, cron.next(tick) - tick - minute);
  if (room <= 0) return tick;
  const digest = createHash('sha256').update(`${seed}\n${tick}`).digest();
  return tick + Math.floor((digest.readUInt32BE(0) / 2 ** 32) * room);
}
