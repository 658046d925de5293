/** What rules share: layouts in which things stand on others. */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../../../kernel/errors.ts';
import type { Component, ComponentOf, Kind, Layout } from '../../types.ts';
import { withNames } from '../retarget.ts';
import { notMade } from '../site.ts';

export function find(layout: Layout, id: string): Component {
  const component = layout.components.find((one) => one.id === id);
  if (component === undefined) throw new LifeboatError('bug', `no component ${id} in this layout`);
  return component;
}

export const ofKind = <K extends Kind>(layout: Layout, kind: K): ComponentOf<K>[] =>
  layout.components.filter((one): one is ComponentOf<K> => one.kind === kind);

/** What stands on a component, without mounts and the like. */
export const standingOn = (layout: Layout, id: string): Component[] =>
  layout.components.filter(({ kind, on }) => on.includes(id) && !notMade.has(kind));

export const without = (layout: Layout, ids: ReadonlySet<string>): Layout =>
  edited(layout, (component) => (ids.has(component.id) ? [] : [component]));

/** Each component as `edit` gives it, or several, or none. */
export const edited = (layout: Layout, edit: (component: Component) => readonly Component[]): Layout => ({
  ...layout,
  components: layout.components.flatMap(edit),
});

/** One component in place of that with the same id. */
export const withChanged = (layout: Layout, changed: Component): Layout =>
  edited(layout, (component) => [component.id === changed.id ? changed : component]);

/** What stood on one of these stands on `to`, and names it so wherever it does: as a member, a device, the place of a header. */
export function restacked(layout: Layout, from: ReadonlySet<string>, to: string): Layout {
  const moved = edited(layout, (component) => {
    if (component.id === to || !component.on.some((id) => from.has(id))) return [component];
    return [{ ...component, on: [...new Set(component.on.map((id) => (from.has(id) ? to : id)))] }];
  });
  const names = new Map([...from].map((id) => [id, to]));
  return withNames(moved, names, ({ id, kind }) => id !== to && !from.has(id) && !notMade.has(kind));
}

/** Without these, and what then carries nothing though it did. */
export function emptied(layout: Layout, ids: readonly string[]): Layout {
  const gone = emptiedBy(layout, ids);
  return edited(without(layout, gone), (component) => [
    { ...component, on: component.on.filter((id) => !gone.has(id)) },
  ]);
}

/** These, what stands on them, and what then carries nothing: a volume, its group, the partition under it, its table. Disks stay. */
export function emptiedBy(layout: Layout, ids: readonly string[]): ReadonlySet<string> {
  const gone = new Set(ids);
  for (const id of gone) {
    const component = layout.components.find((one) => one.id === id);
    for (const below of component?.on ?? []) {
      const under = find(layout, below);
      const isCarrier = under.kind !== 'disk' && !notMade.has(under.kind);
      if (isCarrier && standingOn(layout, below).every((one) => gone.has(one.id))) gone.add(below);
    }
    // What only shows it goes with it.
    for (const { id: above, kind, on } of layout.components) {
      const isLost = !notMade.has(kind) || (kind === 'mount' && on.every((one) => gone.has(one)));
      if (on.includes(id) && isLost) gone.add(above);
    }
  }
  return gone;
}

/** A UUID that is the same whenever it is made of the same words. */
export function derivedUuid(...words: readonly string[]): string {
  const hex = createHash('sha256').update(JSON.stringify(words)).digest('hex');
  const digits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** As a person knows it. */
export function nameOf(component: Component): string {
  if ('name' in component && component.name !== undefined) return component.name;
  if ('label' in component && component.label !== undefined) return `"${component.label}"`;
  return component.id;
}
