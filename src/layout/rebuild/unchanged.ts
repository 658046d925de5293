/** Whether the machine is what a plan saw: asked of a capture of it, before anything is written to. */
import type { Change } from '../../kernel/change.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { layoutChanges } from '../diff.ts';
import type { Layout } from '../types.ts';
import { isWorkPlace } from './builder.ts';
import { made } from './compared.ts';
import type { Plan } from './document.ts';
import type { Stays } from './fates.ts';
import { refuseUsed } from './refusals.ts';
import { disksOf, type OrderedSite, siteOf } from './site.ts';
import { refuseTwice } from './twice.ts';

/**
 * @param paths of the disks that will be written to, by id
 * @param begun ids of the actions that an earlier attempt had begun
 * @throws LifeboatError `refused`
 */
export function refuseChanged(
  plan: Plan,
  found: Layout,
  paths: ReadonlyMap<string, string>,
  begun: ReadonlySet<string>,
): void {
  const taken = plan.disks.map(({ id }) => id);
  refuseMistaken(taken, paths, found);
  refuseOther(plan, found, begun);
  refuseUsed(taken, begun.size === 0 ? found : withoutOwnMounts(found));
  // Somebody may have plugged one in since: what is made or undone by its name would be that one.
  const now = siteOf(found.components);
  // What is on no disk is half made, by an attempt that was cut off.
  const whole = siteOf(found.components.filter(({ id }) => now.disksUnder(id).length > 0));
  refuseTwice(siteOf(plan.layout.components), whole, taken, staysIn(plan));
}

const staysIn = ({ fates }: Plan): Stays =>
  new Map(fates.new.flatMap(({ id, fate }) => (fate === 'keep' || fate === 'reuse' ? [[id, fate] as const] : [])));

/**
 * One without a serial number, or with that of another, is known by the name that it had, which may be another's by now; a capture knows
 * where each is plugged in.
 */
function refuseMistaken(disks: readonly string[], paths: ReadonlyMap<string, string>, found: Layout): void {
  const devices = new Map(disksOf(found).map(({ id, device }) => [id, device]));
  for (const id of disks) {
    const [path, device] = [paths.get(id), devices.get(id)];
    if (path === undefined || path === device) continue;
    throw new LifeboatError('refused', `the disk ${id} is not ${path} any more, and only by that name it was known`, {
      hint: 'Make the plan again, and look which disks it would write to now.',
    });
  }
}

/**
 * What is on the disks, and which disks they are, as it was when somebody agreed to lose it. Of a plan that is gone on with, only those
 * disks can be compared for which nothing has begun.
 */
function refuseOther({ before, actions }: Plan, found: Layout, begun: ReadonlySet<string>): void {
  const touched = new Set(actions.flatMap(({ id, writes }) => (begun.has(id) ? writes : [])));
  const disks = disksOf(before).flatMap(({ id }) => (touched.has(id) ? [] : [id]));
  const [was, now] = [siteOf(before.components), siteOf(found.components)];
  const isMeant = (site: OrderedSite, id: string): boolean =>
    touched.size === 0 || site.disksUnder(id).every((one) => disks.includes(one));
  const known = was.order.filter(({ id }) => isMeant(was, id));
  const taken = new Set(known.map(({ id }) => id));
  const components = now.order.filter(
    ({ id }) => taken.has(id) || (now.disksUnder(id).some((one) => disks.includes(one)) && isMeant(now, id)),
  );
  const changes = layoutChanges(made({ ...before, components: known }), made({ ...found, components }));
  if (changes.length === 0) return;
  throw new LifeboatError('refused', `the disks are not as they were when the plan was made: ${textOf(changes)}`, {
    hint: 'Make the plan again, and look what it would destroy now.',
  });
}

/** What was mounted by an attempt that was cut off, which undoes it before it goes on. */
const withoutOwnMounts = (layout: Layout): Layout => ({
  ...layout,
  components: layout.components.filter((one) => one.kind !== 'mount' || !isWorkPlace(one.path)),
});

const textOf = (changes: readonly Change[]): string =>
  changes
    .slice(0, 3)
    .map(({ text }) => text)
    .join('; ');
