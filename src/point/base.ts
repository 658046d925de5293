/** Which point the next one builds upon. */
import type { Point } from './point.ts';

export interface Incrementally {
  readonly incremental: boolean;
  /** Of so many points one is a full one. */
  readonly fullEvery: number;
}

/** Of a point what the choice takes. */
export interface Candidate {
  readonly id: string;
  readonly data: Pick<Point['data'], 'base'>;
}

/**
 * The newest point that can be built upon; none where the next has to be a full one.
 *
 * @param points oldest first
 * @param trusted whether what is known of a point's data is enough
 */
export function baseFor<P extends Candidate>(
  points: readonly P[],
  { incremental, fullEvery }: Incrementally,
  trusted: (point: P) => boolean,
): P | undefined {
  if (!incremental) return undefined;
  const newest = points.findLast(trusted);
  if (newest === undefined) return undefined;
  const byId = new Map(points.map((point) => [point.id, point]));
  let first = newest;
  for (let at: P | undefined = newest; at !== undefined; at = byId.get(at.data.base ?? '')) first = at;
  // All points since, for one that changes the same files each time refers to none but the full one.
  return points.length - points.indexOf(first) < fullEvery ? newest : undefined;
}
