/**
 * What a plan does, in order. It follows from what the plan says of the disks: what is on them, what will be, and what becomes of each
 * thing. Who carries a plan out makes its actions once more, and refuses others.
 */
import type { Action } from '../../plan/action.ts';
import type { Component } from '../types.ts';
import type { Deed } from './builder.ts';
import { builderOf } from './builders.ts';
import type { Plan } from './document.ts';
import type { Stays } from './fates.ts';
import { markAction, markCommands, markPlace } from './mark.ts';
import { notMade, type OrderedSite, siteOf } from './site.ts';
import { teardown } from './teardown.ts';

export function actionsOf({ disks, before, layout, fates }: Omit<Plan, 'actions'>): Action[] {
  const site = siteOf(layout.components);
  const now = siteOf(before.components);
  const taken = disks.map(({ id }) => id);
  const stays = staysOf(fates, now);
  const down = teardown(now, taken, stays);
  const released = down.findLastIndex(isRelease) + 1;
  const marked = marks(
    taken.filter((id) => !stays.has(id)),
    site,
    now,
  );
  return [
    // Who does not let go is found out before anything is written to a disk itself.
    ...releasedAgain([...down.slice(0, released), ...marked, ...down.slice(released)]),
    ...site.order.flatMap((component) =>
      stays.has(component.id) ? editsOf(component, site, now, stays) : actionsFor(component, site),
    ),
  ];
}

const isRelease = ({ id }: Action): boolean => id.startsWith('release ');

/** Whoever held on to a disk is seen by what writes to it: before that is tried once more, all that is on it is let go of once more. */
function releasedAgain(actions: readonly Action[]): Action[] {
  return actions.map((action, index) => {
    const before = actions.slice(0, index).filter((one) => isRelease(one) && haveCommon(one.writes, action.writes));
    return isRelease(action) || before.length === 0
      ? action
      : { ...action, again: before.flatMap(({ commands }) => commands) };
  });
}

const haveCommon = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((one) => others.includes(one));

/**
 * What a plan leaves as it is, with the disks under it: a disk on which something stays bears no mark, for who finds a mark may take the
 * whole disk.
 */
function staysOf({ old }: Plan['fates'], now: OrderedSite): Stays {
  const stays = new Map<string, 'keep' | 'reuse'>();
  for (const { id, fate } of old) {
    if (fate === 'destroy' || now.get(id).kind === 'disk') continue;
    stays.set(id, fate);
    for (const disk of now.disksUnder(id)) stays.set(disk, 'reuse');
  }
  return stays;
}

/** What is done to something that stays, as other things are made beside those that stay on it. */
function editsOf(component: Component, site: OrderedSite, now: OrderedSite, stays: Stays): Action[] {
  const isOther = [now, site].some((one) => one.above(component.id).some(({ id }) => !stays.has(id)));
  const deeds = isOther ? (builderOf(component)?.edit?.(component, site, (id) => stays.has(id)) ?? []) : [];
  return asActions('edit', component, deeds, site);
}

/** The first write to each disk itself says whose it is, where there is room for that. */
function marks(disks: readonly string[], site: OrderedSite, now: OrderedSite): Action[] {
  return disks.flatMap((id) => {
    const place = markPlace(id, site);
    if (place === undefined) return [];
    return [
      {
        id: markAction(id),
        title: `write onto ${id} that this plan builds it`,
        component: id,
        writes: [id],
        commands: markCommands(id, place, now),
      },
    ];
  });
}

function actionsFor(component: Component, site: OrderedSite): Action[] {
  if (notMade.has(component.kind)) return [];
  return asActions('create', component, builderOf(component)?.create(component, site) ?? [], site);
}

function asActions(verb: string, component: Component, deeds: readonly Deed[], site: OrderedSite): Action[] {
  return deeds.map(({ title, commands, again }, index) => ({
    id: `${verb} ${component.id}${index === 0 ? '' : ` ${index + 1}`}`,
    title,
    component: component.id,
    writes: [...site.disksUnder(component.id)],
    commands: [...commands],
    ...(again === undefined ? {} : { again: [...again] }),
  }));
}
