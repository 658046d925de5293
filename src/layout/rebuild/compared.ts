/** What of two layouts has to be the same: of what a plan made, and of what it found. */
import type { Change } from '../../kernel/change.ts';
import { layoutChanges } from '../diff.ts';
import type { Layout } from '../types.ts';
import { builderOf } from './builders.ts';
import type { Plan } from './document.ts';
import { disksOf, notMade, siteOf } from './site.ts';

/** What is not as the plan said, of all that it makes, and of what it leaves as it is beside that. */
export function rebuiltChanges({ layout, fates }: Plan, after: Layout): readonly Change[] {
  const now = siteOf(after.components);
  const taken = new Set(disksOf(layout).map(({ id }) => id));
  const components = now.order.filter(({ id }) => now.disksUnder(id).some((disk) => taken.has(disk)));
  const resized = new Set(fates.new.flatMap(({ id, fate }) => (fate === 'resize' ? [id] : [])));
  const renewed = new Set(layout.components.flatMap(({ id, renewed: is }) => (is === true ? [id] : [])));
  const told = (one: Layout): Layout => withoutDefaults(made(one, resized), renewed);
  return layoutChanges(told(layout), told({ ...after, components }));
}

/** Of what is made as its tool does by itself, nobody said how. */
function withoutDefaults(layout: Layout, renewed: ReadonlySet<string>): Layout {
  return {
    ...layout,
    components: layout.components.map((component) => {
      if (!renewed.has(component.id)) return component;
      const { renewed: _renewed, ...plain } = component;
      if ('geometry' in plain) delete plain.geometry;
      return 'type' in plain ? { ...plain, sizeBytes: 0 } : plain;
    }),
  };
}

/** Without what comes back with the files only, and what its tools choose. */
export function made(layout: Layout, resized: ReadonlySet<string> = new Set()): Layout {
  return {
    ...layout,
    gaps: [],
    components: layout.components
      .filter(({ kind }) => !notMade.has(kind))
      .map((component) => builderOf(component)?.compared?.(component, resized.has(component.id)) ?? component),
  };
}
