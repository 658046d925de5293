/** Makes the plan of how a captured machine is built anew on the disks that are there. */
import { present } from '../../kernel/present.ts';
import { refuseUnanswered } from '../capture-patiently.ts';
import { type Component, handlerOf, type Layout } from '../types.ts';
import { actionsOf } from './actions.ts';
import { sessionsIn, withWholeDisks } from './attached.ts';
import { builderOf } from './builders.ts';
import { type Intent, intended } from './chosen.ts';
import { type Plan, planFormat, sourceDigest } from './document.ts';
import { fatesOf, type Stays } from './fates.ts';
import { fitted } from './fit.ts';
import { isWritten, type Keeping, refuseMoved, withKept } from './keep.ts';
import { type Candidate, matchDisks } from './match.ts';
import { devicePath, diskPaths } from './paths.ts';
import { noDisk, refuseHeld, refuseOtherwise, refuseToWrite, refuseUnknown, usesIn } from './refusals.ts';
import { retargeted } from './retarget.ts';
import { onSectors } from './sectors.ts';
import { diskOf, disksOf, type OrderedSite, siteOf } from './site.ts';
import { refuseTwice } from './twice.ts';

export interface PlanRequest extends Intent, Keeping {
  /** The machine as it is now, with the disks that may be taken. */
  readonly found: Layout;
  /** Disks that are there on which nothing at all is, or what an earlier attempt at the same left, by id. */
  readonly blank: ReadonlySet<string>;
  /** Disks that are there and do not answer, by id: nobody knows what is on them, and none is taken. */
  readonly silent?: ReadonlySet<string>;
  /** Disks that are there, by id: only these may be taken, and these also with something on them. @default all that are blank */
  readonly only?: ReadonlySet<string>;
  readonly grows?: (component: Component) => boolean;
  /** Directory of the machine as it is now in which the repository lies. */
  readonly repository?: string;
}

/**
 * Pure: the same request gives the same plan.
 *
 * @throws LifeboatError `refused` for a disk without one to take its place, or where it is not known what is here, `no-space`, `unsupported` that names all that cannot be made,
 *   `usage` for a rule that is none or cannot be told what it is for
 */
export function planLayout(request: PlanRequest): Plan {
  const { wanted, blank, silent = new Set(), named = new Map(), only, grows, repository } = request;
  refuseUnanswered(request.found);
  const found = withWholeDisks(request.found);
  const now = siteOf(found.components);
  const intent = intended({ ...request, wanted: withWholeDisks(wanted) });
  const { layout: chosen, stays } = withKept(intent.layout, found, request);
  const uses = new Map([...usesIn(found, repository), ...[...silent].map((id) => [id, mute] as const)]);
  const told = new Set(named.values());
  const isFree = (id: string): boolean => only?.has(id) !== false || told.has(id) || stays.has(id);
  const candidates = disksOf(found)
    .filter(({ id }) => isFree(id))
    .map((disk): Candidate => {
      const isNamed = only?.has(disk.id) === true;
      const barred = uses.get(disk.id) ?? (disk.removable && !isNamed ? 'it can be pulled out' : undefined);
      return { disk, blank: isNamed || blank.has(disk.id), ...present({ barred }) };
    });
  const { matches, unmatched } = matchDisks(disksOf(chosen), candidates, {
    named,
    stays: new Set(stays.keys()),
    // Whether all of it does is seen when it has been put together.
    fits: (from, to) => to.sizeBytes >= from.sizeBytes / 4,
  });
  refuseOtherwise(named, matches);
  if (unmatched.length > 0) throw noDisk(unmatched, chosen, candidates);
  const disks = new Map(matches.map(({ from, to }) => [from, diskOf(found, to)]));
  const sizes = new Map([...disks].map(([from, { sizeBytes }]) => [from, sizeBytes]));
  const sectors = new Map(
    [...disks].flatMap(([from, { logicalSector }]) =>
      logicalSector === undefined ? [] : [[from, logicalSector] as const],
    ),
  );
  const roomy = fitted(chosen, { sizes, sectors, changed: intent.changed, ...present({ grows }) });
  const { layout: moved, notes: otherwise } = onSectors(renamed(retargeted(roomy, disks)), stays);
  refuseMoved(moved, now, stays);
  const layout = withStaying(moved, now, stays);
  const site = siteOf(layout.components);
  const written = matches.filter(({ to }) => isWritten(to, site, now, stays));
  const agreed = new Set([
    ...(only ?? blank),
    ...matches.flatMap(({ from, to }) => (named.get(from) === to ? [to] : [])),
  ]);
  for (const { from, to } of written) refuseToWrite(from, diskOf(found, to), uses, agreed);
  refuseUnknown(layout, site, stays);
  const taken = written.map(({ to }) => to);
  refuseHeld(taken, now, stays);
  refuseTwice(site, now, taken, stays);
  const seen = new Set(matches.map(({ to }) => to));
  const before = now.order.filter(({ id }) => now.disksUnder(id).some((one) => seen.has(one)));
  const fates = fatesOf(siteOf(before), site, chosen, stays);
  const lost = new Set(fates.old.flatMap(({ id, fate }) => (fate === 'destroy' ? [id] : [])));
  const plan: Omit<Plan, 'actions'> = {
    format: planFormat,
    of: sourceDigest(wanted),
    disks: written.map(({ from, to, ...match }) => {
      const { device, sizeBytes } = diskOf(found, to);
      const destroys = lossesOn(to, now).filter(({ id }) => lost.has(id));
      return { id: to, device, sizeBytes, blank: blank.has(to), from, ...match, reasons: [...match.reasons], destroys };
    }),
    untouched: disksOf(found)
      .filter(({ id }) => !taken.includes(id))
      .map((disk) => handlerOf(disk).title(disk)),
    before: { ...found, components: before, gaps: [] },
    layout,
    fates,
    notes: [
      ...intent.notes,
      ...sessionsIn(wanted),
      ...otherwise,
      ...notesOn(site, stays),
      ...unseen('when it was captured, by the names of then', wanted),
      ...unseen('on the machine to build on', found),
      ...[...silent].map((id) => `not looked at, as ${mute}: ${handlerOf(diskOf(found, id)).title(diskOf(found, id))}`),
    ],
  };
  return { ...plan, actions: actionsOf(plan) };
}

const mute = 'it does not answer';

/** What stays is what is there, in every detail. */
function withStaying(layout: Layout, now: OrderedSite, stays: Stays): Layout {
  if (stays.size === 0) return layout;
  return { ...layout, components: layout.components.map((one) => (stays.has(one.id) ? now.get(one.id) : one)) };
}

/** What will not be as it was, as each kind tells. */
const notesOn = (site: OrderedSite, stays: Stays): string[] =>
  site.order.flatMap((one) => (stays.has(one.id) ? [] : (builderOf(one)?.note?.(one, site) ?? [])));

/** What a capture does not know is in no plan, nor in what is lost by it. */
const unseen = (where: string, { gaps }: Layout): string[] =>
  gaps.map(({ subject, problem }) => `not seen ${where}: ${subject}: ${problem}`);

/** Names of devices are those of the machine that it was captured on, but for the disks'. */
function renamed(layout: Layout): Layout {
  const site = siteOf(layout.components);
  const paths = diskPaths(disksOf(layout));
  return {
    ...layout,
    components: layout.components.map((component): Component => {
      if (component.kind === 'partition') return { ...component, device: devicePath(component.id, site, paths) };
      if (component.kind === 'md') {
        const { device: _, ...rest } = component;
        return rest;
      }
      if ((component.kind === 'lv' || component.kind === 'luks') && component.device !== undefined) {
        return { ...component, device: devicePath(component.id, site, paths) };
      }
      return component;
    }),
  };
}

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
