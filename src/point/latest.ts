/** Which point is the latest: said only where the time at which it was made and that at which it arrived agree. */
import { timeInName } from '../kernel/ids.ts';

const DAY = 86_400_000;

/**
 * A point that was made after the one that arrived last. When something arrived, whoever can write to the storage can
 * change; the time in an id is signed with it. What was made in the future was made by a clock that was ahead, and says nothing.
 *
 * @param latest id of the point that arrived last
 * @param ids of all that are on record
 */
export function madeLater(latest: string, ids: readonly string[], nowMs: number): string | undefined {
  const made = timeInName(latest);
  if (made === undefined) return undefined;
  return ids
    .filter((id) => isBetween(timeInName(id), made, nowMs + DAY))
    .sort()
    .at(-1);
}

function isBetween(ms: number | undefined, after: number, until: number): boolean {
  return ms !== undefined && ms > after && ms <= until;
}

export function disputeText(latest: string, later: string): string {
  return `the point ${latest} arrived last, but ${later} was made after it`;
}

export const disputeHint =
  'Name a point by its id. A clock that was wrong, a copy of the repository that did not keep times, or somebody who can write to it may be the cause.';
