/** What is made anew must not be there a second time: two with one identity are taken for each other, and LVM refuses to make the other. */
import { LifeboatError } from '../../kernel/errors.ts';
import { type Component, handlerOf } from '../types.ts';
import type { Stays } from './fates.ts';
import { notMade, type OrderedSite } from './site.ts';

/** @param taken ids of the disks that are written to: what is on them now goes before anything is made */
export function refuseTwice(site: OrderedSite, now: OrderedSite, taken: readonly string[], stays: Stays): void {
  const others = now.order.filter(
    ({ id, kind }) => isMade(kind) && !stays.has(id) && !now.disksUnder(id).some((disk) => taken.includes(disk)),
  );
  const byName = new Map(others.flatMap((one) => namesOf(one).map((name) => [name, one] as const)));
  for (const component of site.order) {
    if (!isMade(component.kind) || stays.has(component.id)) continue;
    const other = namesOf(component).flatMap((name) => byName.get(name) ?? [])[0];
    if (other === undefined) continue;
    const where = now.disksUnder(other.id).join(', ');
    const title = handlerOf(other).title(other);
    throw new LifeboatError(
      'refused',
      `${title} is on ${where}, which is not to be written to, and would be there twice`,
      {
        hint: `Pull that disk out, name it with --map as well, or leave out what shall stay there with --exclude ${component.id}.`,
      },
    );
  }
}

const isMade = (kind: Component['kind']): boolean => kind !== 'disk' && !notMade.has(kind);

/** Its id, and names that only one can have at a time. */
function namesOf(component: Component): string[] {
  if (component.kind === 'vg') return [component.id, `group ${component.name}`];
  const isMapped = component.kind === 'luks' || component.kind === 'crypt';
  return isMapped && component.name !== undefined ? [component.id, `mapped ${component.name}`] : [component.id];
}
