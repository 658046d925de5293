/** What has to let go before disks are written to: what stands on them now is stopped from the top down, and its signatures go. */
import type { Action, Command } from '../../plan/action.ts';
import { carriers } from '../handler.ts';
import { type Component, handlerOf } from '../types.ts';
import { alone } from './alone.ts';
import { builderOf } from './builders.ts';
import type { Stays } from './fates.ts';
import { asItWas } from './paths.ts';
import type { OrderedSite } from './site.ts';

/** @param disks ids of those that will be written to; @param stays what on them is neither stopped nor wiped */
export function teardown(now: OrderedSite, disks: readonly string[], stays: Stays): Action[] {
  const isThere = (component: Component): boolean => now.disksUnder(component.id).some((id) => disks.includes(id));
  const standing = now.order.filter((one) => one.kind !== 'disk' && one.kind !== 'mount' && isThere(one));
  const released = standing.toReversed().flatMap((component): Action[] => {
    const builder = builderOf(component);
    if (stays.has(component.id)) return emptied(component, now, stays);
    const commands = builder?.release?.(component) ?? [];
    if (commands.length === 0) return [];
    const title = handlerOf(component).title(component);
    return [
      // What an array or an encrypted volume holds is there again when it is made again, and whoever sees it may begin to use it.
      ...(builder?.path === undefined ? [] : wiped(component, `in ${title}`, now)),
      action('release', component, `stop ${title}`, commands, now),
    ];
  });
  const actions = [
    ...released,
    ...standing.toReversed().flatMap((one) => {
      if (one.kind !== 'partition' || !isOfDisk(one, now) || stays.has(one.id)) return [];
      const what = `partition ${one.number} of ${now.disksUnder(one.id).join(', ')}`;
      return wiped(one, `of ${what}`, now);
    }),
    ...disks.flatMap((id) => (stays.has(id) ? [] : wiped(now.get(id), `of ${id}`, now))),
  ];
  return actions.length === 0 ? [] : [...actions, gone];
}

/** What stays without what it held: a partition, an array, a volume. */
function emptied(component: Component, now: OrderedSite, stays: Stays): Action[] {
  const isFree = component.kind !== 'disk' && carriers.includes(component.kind);
  if (!isFree || now.above(component.id).some(({ id }) => stays.has(id))) return [];
  return wiped(component, `in ${handlerOf(component).title(component)}`, now);
}

/** It names no disk, so all of the above comes first: a new group may have the name of an old one on other disks. */
const gone: Action = {
  id: 'settle',
  title: 'wait until the devices of all that are gone',
  component: '',
  writes: [],
  commands: [{ argv: ['udevadm', 'settle'] }],
};

/**
 * The signatures on a device that something was on. wipefs refuses what is in use, and is told to go on all the same only for a partition
 * table, which it would not wipe otherwise: by then it has looked at each partition.
 */
function wiped(component: Component, where: string, now: OrderedSite): Action[] {
  const above = now.above(component.id);
  if (above.length === 0) return [];
  const force = above.some(({ kind }) => kind === 'table') ? ['--force'] : [];
  const command = alone(['wipefs', '--all', ...force, '--quiet'], component.id, now);
  return [action('wipe', component, `wipe the signatures ${where}`, [command], now)];
}

/** A disk or its partition; those of an array are gone with its table. */
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
  return {
    id: `${verb} ${id}`,
    title,
    component: id,
    writes: [...now.disksUnder(id)],
    commands: commands.map(asItWas),
  };
}
