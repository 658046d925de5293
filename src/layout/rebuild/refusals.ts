/** When there is no plan: what is said then, and what to do. */
import { LifeboatError } from '../../kernel/errors.ts';
import { type Component, type ComponentOf, handlerOf, type Layout } from '../types.ts';
import { carriers } from '../handler.ts';
import { builderOf } from './builders.ts';
import type { Stays } from './fates.ts';
import { holderOf } from '../mount-place.ts';
import type { Candidate, Match } from './match.ts';
import { oneDisk } from './rewrites/one-disk.ts';
import { suits } from './rewrites/rewrite.ts';
import { diskOf, disksOf, notMade, type OrderedSite, siteOf } from './site.ts';

/** Of disks that are about to be written to: somebody may have begun to use one since the plan was made. */
export function refuseUsed(disks: readonly string[], found: Layout): void {
  const uses = usesIn(found);
  for (const id of disks) {
    const use = uses.get(id);
    if (use === undefined) continue;
    throw new LifeboatError('refused', `the disk ${id} cannot be written to: ${use}`, {
      hint: 'End that first, if what is on it may be lost.',
    });
  }
}

/**
 * What lies on a disk that is taken and on one that is not can be neither stopped nor lost without touching the other; and of what makes
 * devices of a kind that nobody can stop yet, nobody knows who uses them.
 */
export function refuseHeld(disks: readonly string[], now: OrderedSite, stays: Stays = new Map()): void {
  for (const component of now.order) {
    if (stays.has(component.id)) continue;
    const under = now.disksUnder(component.id);
    const others = under.filter((id) => !disks.includes(id));
    if (notMade.has(component.kind) || others.length === under.length) continue;
    const title = handlerOf(component).title(component);
    if (makesDevice(component) && builderOf(component) === undefined) {
      throw new LifeboatError('refused', `${title} is on a disk that is to be written to, and cannot be stopped yet`, {
        hint: 'Stop it by hand first.',
      });
    }
    if (others.length === 0) continue;
    throw new LifeboatError('refused', `${title} lies on ${others.join(', ')} too, which is not to be written to`, {
      hint: 'Take it apart by hand first, or name those disks, too, with --map.',
    });
  }
}

/** The kernel makes a device of it, which others may stand on. */
const makesDevice = (component: Component): boolean =>
  carriers.includes(component.kind) || (component.kind === 'unknown' && component.device !== undefined);

/**
 * A disk that somebody uses is never written to; one with something on it only when a person named it.
 *
 * @param agreed disks that are blank, or that a person named
 */
export function refuseToWrite(
  from: string,
  { id, device }: ComponentOf<'disk'>,
  uses: ReadonlyMap<string, string>,
  agreed: ReadonlySet<string>,
): void {
  const use = uses.get(id);
  if (use !== undefined) {
    throw new LifeboatError('refused', `the disk ${device} (${id}) cannot be taken: ${use}`, {
      hint: `End that, name another disk with --map ${from}=ID, or leave it out with --exclude ${from}.`,
    });
  }
  if (agreed.has(id)) return;
  throw new LifeboatError('refused', `the disk ${device} (${id}) is ${from}, and something is on it`, {
    hint: `If that may be lost, say so with --map ${from}=${id}; if it is to stay, with --keep ${id}; to do without, --exclude ${from}.`,
  });
}

/** Says of each disk that is there why it was not taken, and by which rules fewer would do. */
export function noDisk(ids: readonly string[], layout: Layout, candidates: readonly Candidate[]): LifeboatError {
  const titles = ids.map((id) => handlerOf(diskOf(layout, id)).title(diskOf(layout, id)));
  const others = candidates.flatMap(({ disk, blank, barred }) => {
    const why = barred ?? (blank ? undefined : 'something is on it');
    return why === undefined || disk.sizeBytes === 0 ? [] : [`${disk.device} (${disk.id}): ${why}`];
  });
  const rules = fewerDisks(ids, layout).map((rule) => `, or do with fewer disks by --rewrite ${rule}`);
  return new LifeboatError(
    'refused',
    `no disk here takes the place of: ${titles.join('; ')}${others.length === 0 ? '' : `. Not taken: ${others.join('; ')}`}`,
    {
      hint: `Name one with --map ${ids[0]}=ID (what is on it will be lost), or leave it out with --exclude ${ids[0]}${rules.join('')}.`,
    },
  );
}

/** The rule by which these disks would not be needed: all on the first of the others. */
function fewerDisks(ids: readonly string[], layout: Layout): string[] {
  const left = disksOf(layout).filter(({ id }) => ids.length === disksOf(layout).length || !ids.includes(id));
  const home = left.find((disk) => suits(oneDisk, disk, layout));
  return home === undefined ? [] : [`${oneDisk.rule}=${home.id}`];
}

/**
 * What a person said of a disk and cannot be: it is taken for another, or something stays on it. Silently taking one that nobody named
 * would be worse.
 */
export function refuseOtherwise(named: ReadonlyMap<string, string>, matches: readonly Match[]): void {
  for (const { from, to } of matches) {
    const said = named.get(from);
    if (said === undefined || said === to) continue;
    const other = matches.find((one) => one.to === said);
    throw new LifeboatError('usage', `${said} cannot take the place of ${from}: it takes that of ${other?.from}`, {
      hint: 'Name a disk of its own for each with --map, and none on which something stays.',
    });
  }
}

/**
 * Who uses what is on disks, by id: those are never written to.
 *
 * @param repository directory of this machine in which the repository lies
 */
export function usesIn(found: Layout, repository?: string): ReadonlyMap<string, string> {
  const site = siteOf(found.components);
  const uses = new Map<string, string>();
  const holder = repository === undefined ? undefined : mountOf(repository, found);
  for (const component of found.components) {
    const use = component.id === holder ? 'it holds the repository' : useOf(component);
    if (use !== undefined) for (const id of site.disksUnder(component.id)) uses.set(id, use);
  }
  for (const { id, readOnly } of disksOf(found)) if (readOnly) uses.set(id, 'it is read-only');
  return uses;
}

/** Ids of the disks on which such a directory lies. */
export function disksWith(directory: string, found: Layout): readonly string[] {
  const holder = mountOf(directory, found);
  return holder === undefined ? [] : [...siteOf(found.components).disksUnder(holder)];
}

/** Id of the mount that a path lies in. */
function mountOf(path: string, { components }: Layout): string | undefined {
  const mounts = components.filter((one) => one.kind === 'mount' && one.mounted && one.id === `mount:${one.path}`);
  const place = holderOf(
    path,
    mounts.flatMap((one) => (one.kind === 'mount' ? [{ target: one.path }] : [])),
  );
  return place === undefined ? undefined : mounts[place]?.id;
}

/** Of the filesystem of a rescue medium, whether it was started from or not. */
const rescueLabel = 'LIFEBOAT';

function useOf(component: Component): string | undefined {
  if ('label' in component && component.label === rescueLabel) return 'it is a rescue medium';
  if (component.kind === 'mount' && component.mounted) return `it is mounted at ${component.path}`;
  return component.kind === 'swap' && component.active ? 'the system swaps to it' : undefined;
}

/** What cannot be made as it was is told before anything is touched. */
export function refuseUnknown(layout: Layout, site: OrderedSite, stays: Stays): void {
  const problems = layout.components.flatMap((component) => {
    if (notMade.has(component.kind) || stays.has(component.id)) return [];
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
