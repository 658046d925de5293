/**
 * Whether a plan is what it says. A plan is a file, and somebody may have changed it; a digest of what it then holds can be agreed to like
 * any other. So its actions are made once more of what it says of the disks, and what it says of the disks has to fit together.
 */
import { LifeboatError } from '../../kernel/errors.ts';
import { canonicalJson } from '../../kernel/json.ts';
import { asJson } from '../../plan/digest.ts';
import { type Component, type ComponentOf, handlerOf, type Layout } from '../types.ts';
import { actionsOf } from './actions.ts';
import type { Plan } from './document.ts';
import { aboveOfKind } from './builder.ts';
import type { Fate } from './outcome.ts';
import { disksOf, notMade, type OrderedSite, siteOf } from './site.ts';

/** @throws LifeboatError `refused` with the first thing that does not fit */
export function checkPlan(plan: Plan): void {
  const fault = diskFault(plan) ?? fateFault(plan) ?? lossFault(plan) ?? placeFault(plan) ?? actionFault(plan);
  if (fault === undefined) return;
  throw new LifeboatError('refused', `the plan is not as lifeboat makes it: ${fault}`, {
    hint: 'Change the captured layout that it is made of, or the options of "lifeboat layout plan", and make it again.',
  });
}

/** Each disk is named once, was there, and is the one that is built on; none is built on without being named. */
function diskFault({ disks, before, layout }: Plan): string | undefined {
  const named = disks.map(({ id }) => id);
  for (const [what, there] of [
    ['before', before],
    ['afterwards', layout],
  ] as const) {
    const sizes = new Map(disksOf(there).map(({ id, sizeBytes }) => [id, sizeBytes]));
    const stray = disks.find(({ id, sizeBytes }, index) => sizes.get(id) !== sizeBytes || named.indexOf(id) !== index);
    if (stray !== undefined) return `the disk ${stray.id} is not the same ${what}`;
    const { order, disksUnder } = siteOf(there.components);
    const other = order.find(({ id, kind }) => kind !== 'disk' && disksUnder(id).some((disk) => !named.includes(disk)));
    if (other !== undefined) return `${handlerOf(other).title(other)} is on a disk that the plan does not name`;
  }
  return undefined;
}

/** Of each thing it is told what becomes of it, and what stays is there before and afterwards. */
function fateFault({ before, layout, fates }: Plan): string | undefined {
  const sides: readonly (readonly [Layout, readonly Fate[]])[] = [
    [before, fates.old],
    [layout, fates.new],
  ];
  for (const [{ components }, told] of sides) {
    const ids = told.map(({ id }) => id);
    const there = components.filter(({ kind }) => !notMade.has(kind));
    const silent = there.find(({ id }) => !ids.includes(id));
    if (silent !== undefined) return `it does not say what becomes of ${handlerOf(silent).title(silent)}`;
    if (ids.length > there.length) return 'it says what becomes of things that are not there';
  }
  const staying = (told: readonly Fate[]): string =>
    canonicalJson(
      told.flatMap(({ id, fate }) => (fate === 'keep' || fate === 'reuse' ? [`${fate} ${id}`] : [])).sort(),
    );
  return staying(fates.old) === staying(fates.new) ? undefined : 'what stays is not the same before and afterwards';
}

/** Who agrees to a plan has seen all that is lost. */
function lossFault({ disks, before, fates }: Plan): string | undefined {
  const site = siteOf(before.components);
  for (const { id, fate } of fates.old) {
    if (fate !== 'destroy') continue;
    const silent = site
      .disksUnder(id)
      .some((under) => !disks.some((disk) => disk.id === under && disk.destroys.some((loss) => loss.id === id)));
    if (silent) return `it does not say that ${handlerOf(site.get(id)).title(site.get(id))} is lost`;
  }
  return undefined;
}

/** Everything lies within what it stands on. */
function placeFault({ layout }: Plan): string | undefined {
  const site = siteOf(layout.components);
  for (const component of site.order) {
    const title = handlerOf(component).title(component);
    if (component.kind === 'table' && !isInOrder(component, site)) return `partitions of ${title} do not fit`;
    const [under, ...others] = component.on.map(site.get);
    // A thin volume may be as large as it likes.
    if (under === undefined || others.length > 0 || notMade.has(component.kind) || component.kind === 'lv') continue;
    const [size, room] = [sizeOf(component), sizeOf(under)];
    if (size !== undefined && room !== undefined && size > room) return `${title} is larger than what it stands on`;
  }
  return undefined;
}

const sizeOf = (component: Component): number | undefined =>
  'sizeBytes' in component ? component.sizeBytes : undefined;

/** Its partitions lie where partitions may, one behind the other; logical ones in the extended one. */
function isInOrder({ id, on, geometry }: ComponentOf<'table'>, site: OrderedSite): boolean {
  const room = sizeOf(site.get(on[0] ?? '')) ?? 0;
  const sector = geometry?.sectorSize ?? 512;
  const { firstSector = 1, lastSector = room / sector - 1 } = geometry ?? {};
  const end = Math.min(room, (lastSector + 1) * sector);
  const direct = aboveOfKind(site, id, 'partition');
  return (
    isInRow(direct, firstSector * sector, end) &&
    direct.every((one) => {
      const { startBytes = 0, sizeBytes } = one;
      return (
        one.role !== 'extended' || isInRow(aboveOfKind(site, one.id, 'partition'), startBytes, startBytes + sizeBytes)
      );
    })
  );
}

function isInRow(partitions: readonly ComponentOf<'partition'>[], start: number, end: number): boolean {
  let free = start;
  for (const { startBytes = 0, sizeBytes } of partitions.toSorted(
    (a, b) => (a.startBytes ?? 0) - (b.startBytes ?? 0),
  )) {
    if (startBytes < free) return false;
    free = startBytes + sizeBytes;
  }
  return free <= end;
}

/** They are those that follow, in their order. */
function actionFault(plan: Plan): string | undefined {
  const meant = actionsOf(plan).map((action) => canonicalJson(asJson(action)));
  const said = plan.actions.map((action) => canonicalJson(asJson(action)));
  const place = meant.findIndex((text, index) => said[index] !== text);
  if (place >= 0) return `its action ${place + 1} is not to ${actionsOf(plan)[place]?.title}`;
  return said.length === meant.length ? undefined : `it does more than ${meant.length} actions`;
}
