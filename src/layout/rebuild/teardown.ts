/** What has to let go before disks are written to: what stands on them now is stopped from the top down, and its signatures go. */
import type { Action, Command } from '../../plan/action.ts';
import { type Component, handlerOf } from '../types.ts';
import { device } from './builder.ts';
import { builderOf } from './builders.ts';
import type { OrderedSite } from './site.ts';

/** @param disks ids of those that will be written to */
export function teardown(now: OrderedSite, disks: readonly string[]): Action[] {
  const isThere = (component: Component): boolean => now.disksUnder(component.id).some((id) => disks.includes(id));
  const standing = now.order.filter((one) => one.kind !== 'disk' && one.kind !== 'mount' && isThere(one));
  const released = standing.toReversed().flatMap((component): Action[] => {
    const commands = builderOf(component)?.release?.(component) ?? [];
    if (commands.length === 0) return [];
    return [action('release', component, `stop ${handlerOf(component).title(component)}`, commands, now)];
  });
  return [
    ...released,
    ...standing.toReversed().flatMap((one) => (one.kind === 'partition' ? wiped(one, now) : [])),
    ...disks.flatMap((id) => wiped(now.get(id), now)),
  ];
}

/**
 * The signatures on a disk or one of its partitions that something was on. wipefs refuses what is in use, and is told to go on all the same
 * only for a partition table, which it would not wipe otherwise: by then it has looked at each partition.
 */
function wiped(component: Component, now: OrderedSite): Action[] {
  const above = now.above(component.id);
  if (!isOfDisk(component, now) || above.length === 0) return [];
  const what =
    component.kind === 'partition'
      ? `partition ${component.number} of ${now.disksUnder(component.id).join(', ')}`
      : component.id;
  const force = above.some(({ kind }) => kind === 'table') ? ['--force'] : [];
  const argv: Command['argv'] = ['wipefs', '--all', ...force, '--quiet', device(component.id)];
  return [action('wipe', component, `wipe what ${what} is known by`, [{ argv }], now)];
}

/** A disk or its partition; those of an array are gone with it. */
function isOfDisk({ kind, on }: Component, now: OrderedSite): boolean {
  if (kind === 'disk') return true;
  if (kind !== 'partition' && kind !== 'table') return false;
  return on.every((id) => isOfDisk(now.get(id), now));
}

function action(
  verb: string,
  { id }: Component,
  title: string,
  commands: readonly Command[],
  now: OrderedSite,
): Action {
  return { id: `${verb} ${id}`, title, component: id, writes: [...now.disksUnder(id)], commands: [...commands] };
}
