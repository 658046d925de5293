/**
 * What a plan does, in order. It follows from what the plan says of the disks: what is on them, what will be, and what becomes of each
 * thing. Who carries a plan out makes its actions once more, and refuses others.
 */
import type { Action } from '../../plan/action.ts';
import type { Component } from '../types.ts';
import { builderOf } from './builders.ts';
import type { Plan } from './document.ts';
import { markAction, markCommand, markPlace } from './mark.ts';
import { notMade, type OrderedSite, siteOf } from './site.ts';
import { teardown } from './teardown.ts';

export function actionsOf({ disks, before, layout }: Omit<Plan, 'actions'>): Action[] {
  const site = siteOf(layout.components);
  const taken = disks.map(({ id }) => id);
  return [
    ...marks(taken, site),
    ...teardown(siteOf(before.components), taken),
    ...site.order.flatMap((component) => actionsFor(component, site)),
  ];
}

/** The first write to each disk says whose it is, where there is room for that. */
function marks(disks: readonly string[], site: OrderedSite): Action[] {
  return disks.flatMap((id) => {
    const place = markPlace(id, site);
    if (place === undefined) return [];
    return [
      { id: markAction(id), title: `mark ${id}`, component: id, writes: [id], commands: [markCommand(id, place)] },
    ];
  });
}

function actionsFor(component: Component, site: OrderedSite): Action[] {
  if (notMade.has(component.kind)) return [];
  const deeds = builderOf(component)?.create(component, site) ?? [];
  return deeds.map(({ title, commands, again }, index) => ({
    id: `create ${component.id}${index === 0 ? '' : ` ${index + 1}`}`,
    title,
    component: component.id,
    writes: [...site.disksUnder(component.id)],
    commands: [...commands],
    ...(again === undefined ? {} : { again: [...again] }),
  }));
}
