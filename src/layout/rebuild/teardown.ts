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
    ...standing.toReversed().flatMap((one) => wiped(one, now)),
    ...disks.flatMap((id) => wiped(now.get(id), now)),
  ];
}

/** The signatures on a partition or disk that something was on. */
function wiped(component: Component, now: OrderedSite): Action[] {
  if ((component.kind !== 'partition' && component.kind !== 'disk') || now.above(component.id).length === 0) return [];
  const what =
    component.kind === 'disk'
      ? component.id
      : `partition ${component.number} of ${now.disksUnder(component.id).join(', ')}`;
  return [
    action(
      'wipe',
      component,
      `wipe what ${what} is known by`,
      [{ argv: ['wipefs', '--all', '--force', '--quiet', device(component.id)] }],
      now,
    ),
  ];
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
