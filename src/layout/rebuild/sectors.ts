/** A layout on disks with larger sectors than those that it was captured on. */
import { type Component, handlerOf, type Layout } from '../types.ts';
import { builderOf } from './builders.ts';
import type { Stays } from './fates.ts';
import { siteOf } from './site.ts';

/** With what a person is told of what cannot be as it was for that reason. */
export function onSectors(
  layout: Layout,
  stays: Stays,
): { readonly layout: Layout; readonly notes: readonly string[] } {
  const site = siteOf(layout.components);
  const notes: string[] = [];
  const components = layout.components.map((component): Component => {
    if (stays.has(component.id)) return component;
    const disks = site.disksUnder(component.id).map(site.get);
    const sectorBytes = Math.max(
      512,
      ...disks.map((disk) => (disk.kind === 'disk' ? (disk.logicalSector ?? 512) : 512)),
    );
    const other = builderOf(component)?.onSectors?.(component, sectorBytes);
    if (other === undefined) return component;
    notes.push(`${handlerOf(component).title(component)}: ${other.note}`);
    return other.component;
  });
  return { layout: { ...layout, components }, notes };
}
