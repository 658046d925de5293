/** Makes the plan of how a captured machine is built anew on the disks that are there. */
import { present } from '../../kernel/present.ts';
import { type Component, type ComponentOf, handlerOf, type Layout } from '../types.ts';
import { actionsOf } from './actions.ts';
import { builderOf } from './builders.ts';
import { fatesOf } from './fates.ts';
import { fitted } from './fit.ts';
import { type Candidate, matchDisks } from './match.ts';
import { mended } from './mended.ts';
import { noDisk, refuseHeld, refuseToWrite, refuseUnknown, usesIn } from './refusals.ts';
import { type Plan, planFormat, sourceDigest } from './document.ts';
import { devicePath, diskPaths } from './paths.ts';
import { retargeted } from './retarget.ts';
import { diskOf, disksOf, notMade, type OrderedSite, siteOf } from './site.ts';

export interface PlanRequest {
  /** The machine as it was captured. */
  readonly wanted: Layout;
  /** The machine as it is now, with the disks that may be taken. */
  readonly found: Layout;
  /** Disks that are there on which nothing at all is, or what an earlier attempt at the same left, by id. */
  readonly blank: ReadonlySet<string>;
  /** What a person said: disks that are there, by those that were captured. */
  readonly named?: ReadonlyMap<string, string>;
  /** Disks and other components that are left out with all that stands on them, by id. */
  readonly exclude?: ReadonlySet<string>;
  readonly grows?: (component: Component) => boolean;
}

/**
 * Pure: the same request gives the same plan.
 *
 * @throws LifeboatError `refused` for a disk without one to take its place, `no-space`, `unsupported` that names all that cannot be made
 */
export function planLayout(request: PlanRequest): Plan {
  const { wanted, found, blank, named = new Map(), grows } = request;
  const whole = mended(wanted);
  const { layout: chosen, left } = chosenOf(whole.layout, request.exclude ?? new Set(), named);
  const uses = usesIn(found);
  const candidates = disksOf(found).map((disk): Candidate => {
    const barred = uses.get(disk.id) ?? (disk.removable ? 'it can be pulled out' : undefined);
    return { disk, blank: blank.has(disk.id), ...present({ barred }) };
  });
  const { matches, unmatched } = matchDisks(disksOf(chosen).filter(carries(chosen)), candidates, {
    named,
    // Whether all of it fits is seen when it has been put together.
    fits: (from, to) => to.sizeBytes >= from.sizeBytes / 4,
  });
  if (unmatched.length > 0) throw noDisk(unmatched, chosen);
  for (const { from, to, certainty } of matches) refuseToWrite(from, diskOf(found, to), certainty, uses, blank);
  const disks = new Map(matches.map(({ from, to }) => [from, diskOf(found, to)]));
  const sizes = new Map([...disks].map(([from, { sizeBytes }]) => [from, sizeBytes]));
  const layout = renamed(retargeted(fitted(chosen, { sizes, ...present({ grows }) }), disks));
  const site = siteOf(layout.components);
  refuseUnknown(layout, site);
  const now = siteOf(found.components);
  const taken = matches.map(({ to }) => to);
  refuseHeld(taken, now);
  const before = now.order.filter(({ id }) => now.disksUnder(id).some((one) => taken.includes(one)));
  const plan: Omit<Plan, 'actions'> = {
    format: planFormat,
    of: sourceDigest(wanted),
    disks: matches.map(({ from, to, ...match }) => {
      const { device, sizeBytes } = diskOf(found, to);
      return { id: to, device, sizeBytes, from, ...match, reasons: [...match.reasons], destroys: lossesOn(to, now) };
    }),
    untouched: disksOf(found)
      .filter(({ id }) => !taken.includes(id))
      .map((disk) => handlerOf(disk).title(disk)),
    before: { ...found, components: before, gaps: [] },
    layout,
    fates: fatesOf(siteOf(before), site, chosen, new Map()),
    notes: [...whole.notes, ...left, ...notesOn(site)],
  };
  return { ...plan, actions: actionsOf(plan) };
}

/** What will not be as it was, as each kind tells. */
const notesOn = (site: OrderedSite): string[] =>
  site.order.flatMap((component) => builderOf(component)?.note?.(component, site) ?? []);

/** Names of devices are those of the machine that it was captured on, but for the disks'. */
function renamed(layout: Layout): Layout {
  const site = siteOf(layout.components);
  const paths = diskPaths(disksOf(layout));
  return {
    ...layout,
    components: layout.components.map((component): Component => {
      if (component.kind === 'partition') return { ...component, device: devicePath(component.id, site, paths) };
      if (component.kind === 'md' || component.kind === 'lv' || component.kind === 'luks') {
        const { device: _, ...rest } = component;
        return rest;
      }
      return component;
    }),
  };
}

/** Something stands on it. */
function carries(layout: Layout): (disk: ComponentOf<'disk'>) => boolean {
  const below = new Set(layout.components.flatMap(({ on }) => on));
  return ({ id }) => below.has(id);
}

/**
 * What is to be made: without what is excluded, what can be pulled out and nobody named, and what comes back with the files, as images
 * and swap files do.
 */
function chosenOf(
  layout: Layout,
  excluded: ReadonlySet<string>,
  named: ReadonlyMap<string, string>,
): { readonly layout: Layout; readonly left: string[] } {
  const reasons = new Map<string, string>();
  const mounts = new Set(layout.components.flatMap(({ id, kind }) => (kind === 'mount' ? [id] : [])));
  const gone = new Set<string>();
  const site = siteOf(layout.components);
  for (const component of site.order) {
    const { id, kind, on } = component;
    const isFile = !notMade.has(kind) && (inMemory.has(kind) || on.some((one) => mounts.has(one)));
    const reason =
      on.map((one) => reasons.get(one)).find((one) => one !== undefined) ??
      (excluded.has(id) ? 'as told' : undefined) ??
      builderOf(component)?.omitted?.(component, site) ??
      (kind === 'disk' && component.removable && !named.has(id) ? 'as it can be pulled out' : undefined);
    if (reason !== undefined) reasons.set(id, reason);
    if (reason !== undefined || isFile || on.some((one) => gone.has(one))) gone.add(id);
  }
  const isMade = ({ id }: Component): boolean => !gone.has(id);
  return {
    layout: { ...layout, components: layout.components.filter(isMade) },
    left: layout.components.flatMap((component) => {
      const reason = reasons.get(component.id);
      const isBare = component.kind === 'disk' && component.sizeBytes === 0;
      return reason === undefined || isBare ? [] : `left out, ${reason}: ${handlerOf(component).title(component)}`;
    }),
  };
}

/** Made by the system when it starts. */
const inMemory: ReadonlySet<string> = new Set(['zram']);

/** What is on a disk now, from the bottom up. */
function lossesOn(id: string, now: OrderedSite): Plan['disks'][number]['destroys'] {
  return now.order
    .filter((one) => one.id !== id && one.kind !== 'mount' && now.disksUnder(one.id).includes(id))
    .map((one) => ({
      id: one.id,
      title: handlerOf(one).title(one),
      ...('usedBytes' in one && one.usedBytes !== undefined ? { bytes: one.usedBytes } : {}),
    }));
}
