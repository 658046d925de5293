/** Which of the things on a host, as it is now, a recovery point holds. */
import type { CoverageItem } from './coverage.ts';
import type { Point } from './point.ts';

export interface HeldItem extends CoverageItem {
  /** Id of the point that holds it, wholly or partly. */
  readonly point?: string;
}

/**
 * Of what the point's own selection leads to now, that is held which was already there and read when the point was made.
 *
 * @param now coverage of the host as it is, by the selection of the point
 */
export function heldBy(point: Pick<Point, 'id' | 'createdAt' | 'coverage'>, now: readonly CoverageItem[]): HeldItem[] {
  // Points of earlier versions have no ids in their coverage.
  const keyOf = ({ id, kind, subject }: CoverageItem): string => id ?? `${kind} ${subject}`;
  const then = new Map(
    point.coverage.flatMap((item) => [[keyOf(item), item] as const, [`${item.kind} ${item.subject}`, item] as const]),
  );
  return now.map((item) => {
    if (item.state === 'not-covered') return item;
    const was = then.get(keyOf(item)) ?? (item.kind === 'mount' ? then.get(`${item.kind} ${item.subject}`) : undefined);
    if (was === undefined) return late(item, `it came after the point ${point.id}`);
    if (was.state === 'not-covered') return late(item, `the point ${point.id} does not hold it: ${was.reason}`);
    return { ...item, point: point.id };
  });
}

/** What is made anew out of the layout, as a new swap, is missed by nobody. */
function late(item: CoverageItem, reason: string): HeldItem {
  return {
    ...item,
    state: 'not-covered',
    reason: `${reason}; a new backup takes it up`,
    harmless: item.kind === 'swap',
  };
}
