/**
 * Disks that an earlier attempt at the same machine left half done. Those may be taken again without being named: nothing on them is
 * anybody's. A mark alone is no proof of that, as it outlives the attempt on disks that the next one does without.
 */
import type { Component, Layout } from '../types.ts';
import { type Plan, planDigest } from './document.ts';
import { type Mark, markAction, type Marks, shortOf } from './mark.ts';
import { disksOf, notMade, type OrderedSite, siteOf } from './site.ts';

/** The mark that says so of a disk of this plan. */
export function markOf(plan: Plan, disk: string, at: Date): Mark {
  const { disks, before, layout, of, actions } = plan;
  const marked = new Set(actions.map(({ id }) => id));
  const isBlank = disks.find(({ id }) => id === disk)?.blank === true;
  const old = new Set(isBlank ? [] : siteOf(before.components).order.map(({ id }) => id));
  const makes = contentOf(disk, siteOf(layout.components)).filter((id) => !old.has(id));
  return {
    plan: planDigest(plan),
    of,
    disk,
    at: at.toISOString(),
    disks: disks.flatMap(({ id }) => (marked.has(markAction(id)) ? [shortOf(id)] : [])),
    was: isBlank ? 'blank' : 'used',
    makes: makes.map(shortOf),
  };
}

/**
 * Whose mark is that of the last attempt, and on which there is nothing but what that makes.
 *
 * @param of what the machine is built from
 * @param blank disks of `found` on which nothing at all is
 */
export function halfDone(
  of: string,
  found: Layout,
  { marks, silent }: Marks,
  blank: ReadonlySet<string>,
): ReadonlySet<string> {
  const site = siteOf(found.components);
  const own = new Map([...marks].filter(([, mark]) => mark.of === of));
  const ids = disksOf(found).flatMap(({ id }) => (silent.has(id) ? [] : [id]));
  const isLast = (disk: string, { plan, at, disks }: Mark): boolean =>
    // A later one that does without this disk, or one of then that has become something else meanwhile: finished, or taken by somebody.
    [...own.values()].every((one) => one.plan === plan || one.at <= at || one.disks.includes(shortOf(disk))) &&
    ids.every((id) => !disks.includes(shortOf(id)) || own.has(id) || blank.has(id));
  return new Set(
    [...own].flatMap(([disk, mark]) => {
      if (mark.recovered !== undefined || mark.startable === true || !isLast(disk, mark)) return [];
      const known = contentOf(disk, site).map((id) => mark.makes.includes(shortOf(id)));
      return known.every(Boolean) && (mark.was === 'blank' || known.length > 0) ? [disk] : [];
    }),
  );
}

/** Ids of what on a disk may be somebody's. */
const contentOf = (disk: string, site: OrderedSite): readonly string[] =>
  site.order.flatMap((one) => (isContent(one) && site.disksUnder(one.id).includes(disk) ? [one.id] : []));

/** Volumes and their groups get their ids when they are whole; and what has no name may be something that was cut off. */
function isContent(component: Component): boolean {
  const { kind } = component;
  if (notMade.has(kind) || ['disk', 'table', 'subvolume', 'vg', 'lv'].includes(kind)) return false;
  // Also one on which nobody sees anything: there are more kinds of content than are known by a signature.
  return component.kind !== 'unknown' || component.rawType !== 'data';
}
