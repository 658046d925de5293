/** Which of the things on a host, as it is now, a recovery point holds. */
import type { Component, Layout } from '../layout/types.ts';
import type { CoverageItem } from './coverage.ts';
import type { Captures } from './captures.ts';

export interface HeldItem extends CoverageItem {
  /** Id of the point that holds it, wholly or partly. */
  readonly point?: string;
}

/**
 * Of what the point's own selection leads to now, that is held which was already there and read when the point was made.
 *
 * @param now coverage of the host as it is, by the selection of the point and without what it could not read
 */
export function heldBy(
  point: Pick<Captures, 'id' | 'coverage' | 'layout'>,
  now: readonly CoverageItem[],
  layout: Layout,
): HeldItem[] {
  const nameOf = ({ kind, subject }: CoverageItem): string => `${kind} ${subject}`;
  // Points of earlier versions have no ids in their coverage.
  const then = new Map(point.coverage.map((item) => [item.id ?? nameOf(item), item]));
  const componentThen = new Map(point.layout.components.map((component) => [component.id, component]));
  const componentNow = new Map(layout.components.map((component) => [component.id, component]));
  return now.map((item) => {
    if (item.state === 'not-covered') return item;
    const was = then.get(item.id ?? '') ?? then.get(nameOf(item));
    if (was === undefined) return late(item, `it came after the point ${point.id}`);
    if (was.state === 'not-covered') return late(item, `the point ${point.id} does not hold it: ${was.reason}`);
    if (isAnother(componentThen.get(item.id ?? ''), componentNow.get(item.id ?? '')))
      return late(item, `something else was mounted there when the point ${point.id} was made`);
    return { ...item, point: point.id };
  });
}

/** A mount is known by its path, and may show another filesystem now. */
function isAnother(then: Component | undefined, now: Component | undefined): boolean {
  if (then?.kind !== 'mount' || now?.kind !== 'mount') return false;
  if (then.on.length === 0 && now.on.length === 0) return then.source !== now.source || then.fstype !== now.fstype;
  return then.on.join('\0') !== now.on.join('\0') || then.root !== now.root;
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
