/** A layout as its builders see it, and the order in which things are made. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { Component, ComponentOf, Layout } from '../types.ts';
import type { Site } from './builder.ts';

export interface OrderedSite extends Site {
  /** Each after those that it stands on; otherwise in the order of the layout. */
  readonly order: readonly Component[];
  /** Ids of the disks under a component, through everything in between. */
  readonly disksUnder: (id: string) => readonly string[];
}

export function siteOf(components: readonly Component[]): OrderedSite {
  const byId = new Map(components.map((component) => [component.id, component]));
  const aboveOf = new Map<string, Component[]>(components.map(({ id }) => [id, []]));
  for (const component of components) for (const id of new Set(component.on)) aboveOf.get(id)?.push(component);
  const get = (id: string): Component => {
    const component = byId.get(id);
    if (component === undefined) throw new LifeboatError('bug', `no component ${id} in this layout`);
    return component;
  };
  return {
    order: ordered(components, aboveOf),
    get,
    above: (id) => aboveOf.get(id) ?? [],
    disksUnder(id) {
      const seen = new Set([id]);
      for (const one of seen) for (const below of byId.get(one)?.on ?? []) seen.add(below);
      return [...seen].filter((one) => byId.get(one)?.kind === 'disk').sort();
    },
  };
}

function ordered(components: readonly Component[], aboveOf: ReadonlyMap<string, readonly Component[]>): Component[] {
  const waiting = new Map(components.map(({ id, on }) => [id, new Set(on.filter((below) => aboveOf.has(below))).size]));
  const order = components.filter(({ id }) => waiting.get(id) === 0);
  for (const { id } of order) {
    for (const next of aboveOf.get(id) ?? []) {
      const left = (waiting.get(next.id) ?? 0) - 1;
      waiting.set(next.id, left);
      if (left === 0) order.push(next);
    }
  }
  return order;
}

export const disksOf = (layout: Layout): ComponentOf<'disk'>[] =>
  layout.components.filter((one) => one.kind === 'disk');

export function diskOf(layout: Layout, id: string): ComponentOf<'disk'> {
  const disk = disksOf(layout).find((one) => one.id === id);
  if (disk === undefined) throw new LifeboatError('usage', `there is no disk ${id} here`);
  return disk;
}

/** Mounts and what starts the machine come back with its files. */
export const notMade: ReadonlySet<string> = new Set(['mount', 'boot', 'loader']);

/** How large something is, and where it begins, as far as its kind has such. */
export const sizeAndPlace = (component: Component): readonly (number | undefined)[] => [
  'sizeBytes' in component ? component.sizeBytes : undefined,
  'startBytes' in component ? component.startBytes : undefined,
];
