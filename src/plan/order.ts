/** What of a plan may be done at once: what has no disk in common. On each disk all is done in the order of the plan. */
import type { Action } from './action.ts';

/** More at once than a host takes sessions for, or a machine has use for, gain nothing. */
const most = 8;

/**
 * Those that may begin now: they have no disk in common with one that runs, nor with one that stands before them and has not begun.
 * One that names no disk is done alone: whatever stands before it comes first, whatever stands behind it waits.
 *
 * @param waiting in the order of the plan
 */
export function startable(waiting: readonly Action[], running: readonly Action[]): readonly Action[] {
  const found: Action[] = [];
  const taken = new Set(running.flatMap(({ writes }) => writes));
  if (running.some(isAlone)) return [];
  for (const action of waiting) {
    const isFirst = running.length === 0 && action === waiting[0];
    if (isAlone(action)) return isFirst ? [action] : found;
    const isFree = action.writes.every((disk) => !taken.has(disk));
    if (isFree && running.length + found.length < most) found.push(action);
    for (const disk of action.writes) taken.add(disk);
  }
  return found;
}

const isAlone = ({ writes }: Action): boolean => writes.length === 0;
