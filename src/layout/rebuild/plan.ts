/** The document `lifeboat.plan/1`: how a captured machine is built anew on the disks that are there, and what that destroys. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { LifeboatError } from '../../kernel/errors.ts';
import { canonicalJson, jsonCopy } from '../../kernel/json.ts';
import { type Action, actionSchema } from '../../plan/action.ts';
import { type Component, type ComponentOf, handlerOf, type Layout, layoutSchema } from '../types.ts';
import { builderOf } from './builders.ts';
import { fitted } from './fit.ts';
import { type Candidate, matchDisks } from './match.ts';
import { devicePath, diskPaths } from './paths.ts';
import { retargeted } from './retarget.ts';
import { type OrderedSite, siteOf } from './site.ts';

export const planFormat = 'lifeboat.plan/1';

const lossSchema = z.strictObject({ id: z.string(), title: z.string(), bytes: z.number().exactOptional() });

const planDiskSchema = z.strictObject({
  /** The disk that is there. */
  id: z.string(),
  /** As last seen: to tell a person which it is. */
  device: z.string(),
  sizeBytes: z.number(),
  /** Id of the disk as it was captured. */
  from: z.string(),
  certainty: z.enum(['same', 'named', 'equivalent', 'likely']),
  score: z.number(),
  reasons: z.array(z.string()),
  /** What is on it now, and would be lost. */
  destroys: z.array(lossSchema),
});

export const planSchema = z.strictObject({
  format: z.literal(planFormat),
  disks: z.array(planDiskSchema),
  /** Disks that are there and that no byte is written to, as titles. */
  untouched: z.array(z.string()),
  /** As it will be. */
  layout: layoutSchema,
  /** What has another size than when it was captured. */
  resized: z.array(z.strictObject({ id: z.string(), title: z.string(), from: z.number(), to: z.number() })),
  actions: z.array(actionSchema),
  /** What will not be as it was, each with the reason. */
  notes: z.array(z.string()),
});

export type Plan = z.infer<typeof planSchema>;

/** By which a plan is agreed to: which disks, what is lost, what is done and what comes of it. Names of devices do not count. */
export function planDigest({ format, disks, layout, actions }: Plan): string {
  const subject = {
    format,
    disks: disks.map(({ id, from, sizeBytes, destroys }) => ({
      id,
      from,
      sizeBytes,
      destroys: destroys.map((loss) => ({ ...loss, title: null })),
    })),
    components: layout.components.map((component) => ({ ...component, device: null })),
    actions,
  };
  const json = jsonCopy(subject, (place, what) => new LifeboatError('bug', `a plan holds ${what}${place}`));
  return createHash('sha256').update(canonicalJson(json)).digest('hex').slice(0, 16);
}

export interface PlanRequest {
  /** The machine as it was captured. */
  readonly wanted: Layout;
  /** The machine as it is now, with the disks that may be taken. */
  readonly found: Layout;
  /** Disks that are there on which nothing at all is, by id. */
  readonly blank: ReadonlySet<string>;
  /** Why a disk that is there is never taken unasked, by id. */
  readonly barred?: ReadonlyMap<string, string>;
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
  const { wanted, found, named } = request;
  const { layout: chosen, left } = without(wanted, request.exclude ?? new Set());
  const candidates = disksOf(found).map((disk): Candidate => {
    const barred = request.barred?.get(disk.id);
    return { disk, blank: request.blank.has(disk.id), ...(barred === undefined ? {} : { barred }) };
  });
  const { matches, unmatched } = matchDisks(disksOf(chosen).filter(carries(chosen)), candidates, {
    ...(named === undefined ? {} : { named }),
    // Whether all of it fits is seen when it has been put together.
    fits: (from, to) => to.sizeBytes >= from.sizeBytes / 4,
  });
  if (unmatched.length > 0) throw noDisk(unmatched, chosen);
  const disks = new Map(matches.map(({ from, to }) => [from, diskOf(found, to)]));
  const sizes = new Map([...disks].map(([from, { sizeBytes }]) => [from, sizeBytes]));
  const layout = renamed(
    retargeted(fitted(chosen, { sizes, ...(request.grows === undefined ? {} : { grows: request.grows }) }), disks),
  );
  const site = siteOf(layout.components);
  refuseUnknown(layout, site);
  const now = siteOf(found.components);
  const taken = new Set(matches.map(({ to }) => to));
  return {
    format: planFormat,
    disks: matches.map(({ from, to, ...match }) => {
      const { device, sizeBytes } = diskOf(found, to);
      return { id: to, device, sizeBytes, from, ...match, reasons: [...match.reasons], destroys: lossesOn(to, now) };
    }),
    untouched: disksOf(found)
      .filter(({ id }) => !taken.has(id))
      .map((disk) => handlerOf(disk).title(disk)),
    layout,
    resized: resizedIn(layout, chosen),
    actions: site.order.flatMap((component) => actionsFor(component, site)),
    notes: left,
  };
}

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

/** By id: only those that are made of a disk's id have another one now, and they have no size of their own. */
function resizedIn(after: Layout, before: Layout): Plan['resized'] {
  const sizes = new Map(before.components.map((one) => [one.id, sizeOf(one)]));
  return after.components.flatMap((component) => {
    const from = sizes.get(component.id);
    const to = sizeOf(component);
    if (component.kind === 'disk' || component.kind === 'mount' || from === undefined || to === undefined) return [];
    return from === to ? [] : [{ id: component.id, title: handlerOf(component).title(component), from, to }];
  });
}

const sizeOf = (component: Component): number | undefined =>
  'sizeBytes' in component ? component.sizeBytes : undefined;

const disksOf = (layout: Layout): ComponentOf<'disk'>[] => layout.components.filter((one) => one.kind === 'disk');

/** Something stands on it. */
function carries(layout: Layout): (disk: ComponentOf<'disk'>) => boolean {
  const below = new Set(layout.components.flatMap(({ on }) => on));
  return ({ id }) => below.has(id);
}

function diskOf(layout: Layout, id: string): ComponentOf<'disk'> {
  const disk = disksOf(layout).find((one) => one.id === id);
  if (disk === undefined) throw new LifeboatError('usage', `there is no disk ${id} here`);
  return disk;
}

/** The layout without these, and without what stands on one of them. */
function without(layout: Layout, excluded: ReadonlySet<string>): { readonly layout: Layout; readonly left: string[] } {
  const gone = new Set(excluded);
  for (const { id, on } of siteOf(layout.components).order) if (on.some((below) => gone.has(below))) gone.add(id);
  const left = layout.components.filter(({ id }) => gone.has(id));
  return {
    layout: { ...layout, components: layout.components.filter(({ id }) => !gone.has(id)) },
    left: left.map((component) => `left out, as told: ${handlerOf(component).title(component)}`),
  };
}

function noDisk(ids: readonly string[], layout: Layout): LifeboatError {
  const titles = ids.map((id) => handlerOf(diskOf(layout, id)).title(diskOf(layout, id)));
  return new LifeboatError('refused', `no disk here takes the place of: ${titles.join('; ')}`, {
    hint: `Name one with --map ${ids[0]}=ID (what is on it will be lost), or leave it out with --exclude ${ids[0]}.`,
  });
}

/** Why disks are never taken unless a person names them, by id: somebody uses what is on them, or they cannot be written to or leave. */
export function barredIn(found: Layout): ReadonlyMap<string, string> {
  const site = siteOf(found.components);
  const barred = new Map<string, string>();
  for (const component of found.components) {
    const use = useOf(component);
    if (use !== undefined) for (const id of site.disksUnder(component.id)) barred.set(id, use);
  }
  for (const { id, readOnly, removable } of disksOf(found)) {
    if (readOnly) barred.set(id, 'it is read-only');
    else if (removable) barred.set(id, 'it can be pulled out');
  }
  return barred;
}

function useOf(component: Component): string | undefined {
  if (component.kind === 'mount' && component.mounted) return `it is mounted at ${component.path}`;
  return component.kind === 'swap' && component.active ? 'the system swaps to it' : undefined;
}

/** Mounts and what starts the machine come back with its files. */
const notMade: ReadonlySet<string> = new Set(['mount', 'boot', 'loader']);

function refuseUnknown(layout: Layout, site: OrderedSite): void {
  const problems = layout.components.flatMap((component) => {
    if (notMade.has(component.kind)) return [];
    const builder = builderOf(component);
    const why =
      builder === undefined
        ? `of the kind ${component.kind}, which cannot be made yet`
        : builder.problem?.(component, site);
    return why === undefined ? [] : [`${handlerOf(component).title(component)}: ${why}`];
  });
  if (problems.length === 0) return;
  throw new LifeboatError('unsupported', `cannot be made as it was: ${problems.join('; ')}`, {
    hint: 'Leave out what is named with --exclude ID, and make it by hand afterwards.',
  });
}

/** What is on a disk now, from the bottom up. */
function lossesOn(id: string, now: OrderedSite): z.infer<typeof lossSchema>[] {
  return now.order
    .filter((one) => one.id !== id && one.kind !== 'mount' && now.disksUnder(one.id).includes(id))
    .map((one) => ({
      id: one.id,
      title: handlerOf(one).title(one),
      ...('usedBytes' in one && one.usedBytes !== undefined ? { bytes: one.usedBytes } : {}),
    }));
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
