/**
 * When a cron expression is due. node-cron reads the expression and says which days match; the time zone is ours, because
 * node-cron leaves out a time that the clocks jump over, and a nightly backup must not be left out once a year.
 */
import { createTask, parse, type ScheduledTask } from 'node-cron';
import { LifeboatError } from '../kernel/errors.ts';
import { instantsOf, steadyOffset, wallOf } from './zone.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
/** The longest way from one 29th of February on a given day of the week to the next, and more. */
const horizonDays = 366 * 42;

export interface Cron {
  /** The first tick after an instant. */
  next(after: number): number;
  /** The last tick at or before an instant, `undefined` where there is none after `notBefore`. */
  last(until: number, notBefore: number): number | undefined;
}

/**
 * Ticks of `expression` on the clocks of `zone`. An hour that is left out is made up right after it, once; an hour that is
 * repeated counts the first time. Expressions that are about every hour go on by elapsed time.
 *
 * @param expression one that the configuration's schema has accepted
 */
export function openCron(expression: string, zone: string): Cron {
  const fields = parse(expression);
  const task = createTask(expression, () => {}, { timezone: 'UTC' });
  const everyHour = fields.hour.length === 24;
  const times = fields.hour.flatMap((h) => fields.minute.map((m) => (h * 60 + m) * minute)).sort((a, b) => a - b);
  const ticksOn = (date: number): number[] => {
    if (!matchesDay(task, date, times)) return [];
    const offset = steadyOffset(date, date + day, zone);
    if (offset !== undefined) return times.map((time) => date + time - offset);
    const ticks = times.flatMap((time) => {
      const { at, skipped } = instantsOf(date + time, zone);
      return everyHour ? at : [at[0] ?? skipped ?? Number.NaN];
    });
    return [...new Set(ticks)].sort((a, b) => a - b);
  };
  const known = new Map<number, number[]>();
  const ticksOf = (date: number): number[] => {
    const found = known.get(date) ?? ticksOn(date);
    if (known.size > 64) known.clear();
    known.set(date, found);
    return found;
  };
  const cron: Cron = {
    next(after) {
      // From the day before: around a change of the clocks, ticks of two dates need not come in their order.
      const start = dateOf(wallOf(after, zone)) - day;
      for (let days = 0; days <= horizonDays; days += 1) {
        const later = [...ticksOf(start + days * day), ...ticksOf(start + (days + 1) * day)].filter(
          (tick) => tick > after,
        );
        if (later.length > 0) return Math.min(...later);
      }
      // node-cron has refused days that no month has.
      throw new LifeboatError('config-invalid', `the cron expression ${JSON.stringify(expression)} is never due`);
    },
    last(until, notBefore) {
      const start = dateOf(wallOf(until, zone)) + day;
      const end = dateOf(wallOf(notBefore, zone)) - day;
      for (let date = start; date >= end; date -= day) {
        const earlier = [...ticksOf(date), ...ticksOf(date - day)].filter((tick) => tick <= until && tick > notBefore);
        if (earlier.length > 0) return Math.max(...earlier);
      }
      return undefined;
    },
  };
  return cron;
}

function dateOf(wall: number): number {
  return Math.floor(wall / day) * day;
}

function matchesDay(task: ScheduledTask, date: number, times: readonly number[]): boolean {
  const [first] = times;
  return first !== undefined && task.match(new Date(date + first));
}
