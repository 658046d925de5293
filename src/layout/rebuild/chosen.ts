/** What of a captured machine is to be made, and how otherwise than it was, before anybody knows on which disks. */
import { type Layout, handlerOf, type Component } from '../types.ts';
import { builderOf } from './builders.ts';
import { mended } from './mended.ts';
import { type RewriteRequest, rewritten } from './rewrites/rewrites.ts';
import type { Rewritten } from './rewrites/rewrite.ts';
import { notMade, sizeAndPlace, siteOf } from './site.ts';

export interface Intent {
  /** The machine as it was captured. */
  readonly wanted: Layout;
  /** What a person said: disks that are there, by those that were captured. */
  readonly named?: ReadonlyMap<string, string>;
  /** Disks and other components that are left out with all that stands on them, by id. */
  readonly exclude?: ReadonlySet<string>;
  /** What shall be otherwise than it was, in this order. */
  readonly rewrites?: readonly RewriteRequest[];
}

export interface Intended extends Rewritten {
  /** Ids of what carries other things than it did. */
  readonly changed: ReadonlySet<string>;
}

/**
 * Whole, without what is left out, and by the rules that somebody named; disks on which nothing stands are not in it. Pure.
 *
 * @throws LifeboatError as {@link rewritten} does
 */
export function intended({ wanted, named = new Map(), exclude = new Set(), rewrites = [] }: Intent): Intended {
  const whole = mended(wanted);
  const chosen = chosenOf(whole.layout, exclude, named);
  const other = rewritten(chosen.layout, rewrites);
  const below = new Set(other.layout.components.flatMap(({ on }) => on));
  const isMade = ({ id, kind }: Component): boolean => kind !== 'disk' || below.has(id);
  return {
    layout: { ...other.layout, components: other.layout.components.filter(isMade) },
    notes: [...whole.notes, ...chosen.left, ...other.notes],
    changed: changedIn(chosen.layout, other.layout),
  };
}

/** What carries other things than it did, or in another size or place: its room is divided anew. */
function changedIn(before: Layout, after: Layout): ReadonlySet<string> {
  const old = new Map(before.components.map((one) => [one.id, placeOf(one)]));
  return new Set(after.components.flatMap((one) => (old.get(one.id) === placeOf(one) ? [] : one.on)));
}

const placeOf = (component: Component): string => JSON.stringify([component.on, ...sizeAndPlace(component)]);

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
