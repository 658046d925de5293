/**
 * What is there already and stays: with what it holds (`keep`), or emptied and made anew in it (`reuse`).
 *
 * It is taken over as it is now, not as it was captured, down to the disks that it lies on. An array stays with its members, and a volume
 * group with all of its volumes.
 */
import { LifeboatError } from '../../kernel/errors.ts';
import { type Component, handlerOf, type Layout } from '../types.ts';
import type { Stays } from './fates.ts';
import { isSame } from './match.ts';
import { withDisksNamed } from './retarget.ts';
import { disksOf, notMade, type OrderedSite, siteOf, sizeAndPlace } from './site.ts';

export interface Keeping {
  /** Ids of what is there. */
  readonly keep?: ReadonlySet<string>;
  readonly reuse?: ReadonlySet<string>;
}

export interface Kept {
  /** As wanted, with what stays as it is now. */
  readonly layout: Layout;
  readonly stays: Stays;
}

/** @throws LifeboatError `unsupported` where what is wanted and what is there do not go together */
export function withKept(wanted: Layout, found: Layout, { keep = new Set(), reuse = new Set() }: Keeping): Kept {
  if (keep.size === 0 && reuse.size === 0) return { layout: wanted, stays: new Map() };
  const now = siteOf(found.components);
  const known = withKnownDisks(wanted, found);
  const stays = staysIn(now, known, keep, reuse);
  const isKept = (id: string): boolean => stays.get(id) === 'keep';
  const ids = new Set(known.components.map(({ id }) => id));
  for (const component of known.components) {
    if (notMade.has(component.kind) || stays.has(component.id)) continue;
    const below = component.on.find((id) => isKept(id) || (stays.has(id) && isWhole(now.get(id))));
    if (below !== undefined) {
      throw new LifeboatError(
        'unsupported',
        `${below} cannot stay as it is: ${title(component)} is not on it any more`,
        {
          hint: `Leave that out, too, with --exclude ${component.id}, or have ${below} made anew.`,
        },
      );
    }
    const stopped = component.on.find((id) => stays.has(id) && isStopped(now.get(id)));
    if (stopped !== undefined) {
      throw new LifeboatError('unsupported', `nothing can be made on ${stopped}: it is not open`, {
        hint: 'Start or open it first, or have it made anew.',
      });
    }
  }
  const taken = now.order.filter(({ id }) => stays.has(id));
  const byId = new Map(taken.map((component) => [component.id, component]));
  return {
    layout: {
      ...known,
      components: [
        ...known.components.map((component) => byId.get(component.id) ?? component),
        ...taken.filter(({ id }) => !ids.has(id)),
      ],
    },
    stays,
  };
}

const title = (component: Component): string => handlerOf(component).title(component);

/** Nobody has put it together, made it active, or opened it. */
const isStopped = (component: Component): boolean =>
  (component.kind === 'md' || component.kind === 'lv' || component.kind === 'luks') && component.device === undefined;

/** Its volumes, members and subvolumes are its own: none is made beside them. */
const isWhole = ({ kind }: Component): boolean => kind === 'vg' || kind === 'btrfs';

/** Disks that are there are called as they are there. */
function withKnownDisks(wanted: Layout, found: Layout): Layout {
  const names = disksOf(wanted).flatMap((disk) => {
    const same = disksOf(found).filter((one) => one.id === disk.id || isSame(disk, one));
    const [only, ...others] = same;
    return only === undefined || others.length > 0 || only.id === disk.id ? [] : [[disk.id, only.id] as const];
  });
  return withDisksNamed(wanted, new Map(names));
}

function staysIn(now: OrderedSite, wanted: Layout, keep: ReadonlySet<string>, reuse: ReadonlySet<string>): Stays {
  const wantedIds = new Set(wanted.components.map(({ id }) => id));
  const kept = new Set<string>();
  const stays = new Map<string, 'keep' | 'reuse'>();
  const keepAbove = (id: string): void => {
    const reached = new Set([id]);
    for (const one of reached) {
      kept.add(one);
      for (const { id: above, kind } of now.above(one)) if (!notMade.has(kind)) reached.add(above);
    }
  };
  for (const id of keep) keepAbove(id);
  const reached = new Set([...kept, ...reuse]);
  for (const id of reached) {
    const component = now.get(id);
    for (const below of component.on) reached.add(below);
    if (!isWhole(component)) continue;
    for (const { id: volume, kind } of now.above(id)) {
      if (notMade.has(kind) || reached.has(volume)) continue;
      // A volume that nobody wants otherwise is left alone with what is on it.
      if (!wantedIds.has(volume)) keepAbove(volume);
      reached.add(volume);
    }
  }
  for (const id of reached) stays.set(id, kept.has(id) ? 'keep' : 'reuse');
  for (const id of kept) stays.set(id, 'keep');
  return stays;
}

/**
 * After everything has its place.
 *
 * @throws LifeboatError `unsupported` where something would lie over what stays, or that would have to move
 */
export function refuseMoved(layout: Layout, now: OrderedSite, stays: Stays): void {
  const site = siteOf(layout.components);
  for (const component of layout.components) {
    if (!stays.has(component.id)) continue;
    const before = now.get(component.id);
    if (String(sizeAndPlace(component)) !== String(sizeAndPlace(before))) {
      throw new LifeboatError('unsupported', `${title(before)} cannot stay: it would have another size or place`, {
        hint: 'Plan without --grow, or leave out what takes its room with --exclude.',
      });
    }
    if (component.kind !== 'partition') continue;
    for (const other of site.above(component.on[0] ?? '')) {
      if (other.kind !== 'partition' || other.id === component.id) continue;
      const isApart = endOf(other) <= (component.startBytes ?? 0) || endOf(component) <= (other.startBytes ?? 0);
      if (isApart && other.number !== component.number) continue;
      throw new LifeboatError('unsupported', `${title(component)} cannot stay: ${title(other)} would be in its place`, {
        hint: `Leave that out with --exclude ${other.id}, or have all partitions made anew.`,
      });
    }
  }
}

type Placed = Extract<Component, { kind: 'partition' }>;

const endOf = ({ startBytes = 0, sizeBytes }: Placed): number => startBytes + sizeBytes;

/** Whether anything on a disk is made or lost: only then is it written to. */
export function isWritten(disk: string, site: OrderedSite, now: OrderedSite, stays: Stays): boolean {
  const changes = (one: OrderedSite): boolean =>
    one.order.some(
      ({ id, kind }) => kind !== 'disk' && !notMade.has(kind) && !stays.has(id) && one.disksUnder(id).includes(disk),
    );
  return ![...stays.keys()].includes(disk) || changes(site) || changes(now);
}
