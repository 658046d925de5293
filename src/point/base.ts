/** Which point the next one builds upon. */
import type { Point } from './point.ts';

export interface Incrementally {
  readonly incremental: boolean;
  /** Points in one chain, the full one among them. */
  readonly fullEvery: number;
}

/**
 * The newest point that can be built upon; none where the next has to be a full one.
 *
 * @param points oldest first
 * @param trusted whether what is known of a point's data is enough
 */
export function baseFor(
  points: readonly Point[],
  { incremental, fullEvery }: Incrementally,
  trusted: (point: Point) => boolean,
): Point | undefined {
  if (!incremental) return undefined;
  const newest = points.findLast(trusted);
  if (newest === undefined) return undefined;
  const byId = new Map(points.map((point) => [point.id, point]));
  let length = 1;
  for (let at = newest.data.base; at !== undefined && length < fullEvery; at = byId.get(at)?.data.base) length++;
  return length < fullEvery ? newest : undefined;
}
