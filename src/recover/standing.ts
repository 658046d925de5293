/** Disks that are not built anew: what is on them is put together as it is, and taken for what the plan of it made. */
import type { Host } from '../host/host.ts';
import { captureLayout } from '../layout/capture.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { type Plan, planFormat, sourceDigest } from '../layout/rebuild/document.ts';
import { withoutHold } from '../layout/rebuild/held.ts';
import { siteOf } from '../layout/rebuild/site.ts';
import { type Component, handlerOf, type Layout } from '../layout/types.ts';

/** A plan that does nothing: of the machine as it was captured, what is on these disks. */
export async function standingPlan(wanted: Layout, host: Host, signal: AbortSignal): Promise<Plan> {
  const found = withWholeDisks(await withoutHold(await captureLayout(host, new Date(), signal), host, signal));
  return {
    format: planFormat,
    of: sourceDigest(wanted),
    disks: [],
    untouched: found.components.flatMap((one) => (one.kind === 'disk' ? [handlerOf(one).title(one)] : [])),
    before: { ...found, components: [], gaps: [] },
    layout: standingLayout(wanted, found),
    fates: { old: [], new: [] },
    actions: [],
    notes: [],
  };
}

/** What is there of the machine as it was, by ids; with its mounts and subvolumes, which are seen only once it is mounted. */
export function standingLayout(wanted: Layout, found: Layout): Layout {
  const site = siteOf(found.components);
  const known = new Set(wanted.components.filter(({ kind }) => kind !== 'mount').map(({ id }) => id));
  const disks = new Set(
    found.components.flatMap(({ id, kind }) => (known.has(id) && kind !== 'disk' ? site.disksUnder(id) : [])),
  );
  const there = site.order.filter(
    ({ id, kind }) => kind !== 'mount' && site.disksUnder(id).some((disk) => disks.has(disk)),
  );
  const ids = new Set(there.map(({ id }) => id));
  const later: Component[] = [];
  for (const component of siteOf(wanted.components).order) {
    if (component.kind !== 'mount' && component.kind !== 'subvolume') continue;
    if (ids.has(component.id) || !component.on.every((id) => ids.has(id))) continue;
    later.push(component);
    ids.add(component.id);
  }
  return { ...found, components: [...there, ...later], gaps: [] };
}
