import { randomBytes } from 'node:crypto';

/**
 * A name for a run or a recovery point: UTC time, then 24 random bits, so that names sort by time and two hosts that
 * start in the same second do not collide. Safe as a file name and as a key of any target.
 */
export function newId(now: Date): string {
  const stamp = now
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, 'Z');
  return `${stamp}-${randomBytes(3).toString('hex')}`;
}

/** Whether `text` has the form that {@link newId} gives. */
export function isId(text: string): boolean {
  return /^\d{8}T\d{6}Z-[0-9a-f]{6}$/.test(text);
}

/** When what bears this name or key was made: ids begin with the time, and the last one in it is its own. */
export function timeInName(name: string): number | undefined {
  const [, year, month, day, hours, minutes, seconds] = /.*\b(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(name) ?? [];
  if (year === undefined) return undefined;
  const made = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  return Number.isNaN(made) ? undefined : made;
}
