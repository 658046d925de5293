/** A machine is made whole: what was degraded or half rebuilt when it was captured becomes what it was meant to be. */
import { type Component, handlerOf, type Layout } from '../types.ts';
import { builderOf } from './builders.ts';
import { siteOf } from './site.ts';

/** With what a person is told of each. */
export function mended(layout: Layout): { readonly layout: Layout; readonly notes: readonly string[] } {
  const site = siteOf(layout.components);
  const notes: string[] = [];
  const components = layout.components.map((component): Component => {
    const whole = builderOf(component)?.mended?.(component, site);
    if (whole === undefined) return component;
    notes.push(`${handlerOf(component).title(component)}: ${whole.note}`);
    return whole.component;
  });
  return { layout: { ...layout, components }, notes };
}
