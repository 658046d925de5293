/** Which points are to be read back first: those that were never verified, then those whose verification is oldest. */
import type { ListedPoint } from './records.ts';

/**
 * @param limits at most `oldest` of them; and only those whose last verification is older than `olderThanMs`, or that have
 *   none. @default all
 */
export function leastVerified(
  points: readonly ListedPoint[],
  { oldest = points.length, olderThanMs = 0 }: { readonly oldest?: number; readonly olderThanMs?: number },
  nowMs: number,
): ListedPoint[] {
  const verifiedMs = ({ verification }: ListedPoint) =>
    verification === undefined ? Number.NEGATIVE_INFINITY : Date.parse(verification.at);
  return points
    .filter((point) => verifiedMs(point) <= nowMs - olderThanMs || verifiedMs(point) > nowMs)
    .toSorted((a, b) => verifiedMs(a) - verifiedMs(b) || a.arrivedMs - b.arrivedMs)
    .slice(0, oldest);
}
