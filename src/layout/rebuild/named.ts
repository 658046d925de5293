/** Components as a person names them: by where they are mounted, by label, by name, or by id. */
import { LifeboatError } from '../../kernel/errors.ts';
import { nearest } from '../../kernel/nearest.ts';
import { type Component, handlerOf, type Layout } from '../types.ts';
import { emptiedBy } from './rewrites/edit.ts';
import { notMade } from './site.ts';

/**
 * By id, or else the only one with that mount point, name (`group/volume` of a logical one), label, serial number or WWN.
 *
 * @param where in words, for who names what is not there
 * @throws LifeboatError `usage` for what names nothing or several
 */
export function namedIn(layout: Layout, name: string, where: string): Component {
  const { components } = layout;
  const byId = components.find(({ id, kind }) => id === name && !notMade.has(kind));
  if (byId !== undefined) return byId;
  const meant = components.filter((component) => namesOf(component, layout).includes(name));
  const [only, ...others] = meant;
  if (only !== undefined && others.length === 0) return only;
  const known = components.filter(({ kind }) => !notMade.has(kind));
  const guess = nearest(
    name,
    known.flatMap((component) => [component.id, ...namesOf(component, layout)]),
  );
  const titles = meant.map((component) => `${component.id} is ${handlerOf(component).title(component)}`);
  throw new LifeboatError('usage', `${where} has ${only === undefined ? 'nothing' : 'several things'} named ${name}`, {
    hint:
      only === undefined
        ? `Name it by mount point, label, name, serial number or id${guess === undefined ? '' : `. Did you mean ${guess}?`}`
        : `Name one by its id: ${titles.join('; ')}`,
  });
}

/**
 * What is left out when somebody names this: by id, it alone with what stands on it; by any other name also what holds nothing else, such
 * as the volume of a filesystem that is named by where it is mounted.
 */
export function leftOutBy(layout: Layout, name: string): ReadonlySet<string> {
  const { id } = namedIn(layout, name, 'the capture');
  return id === name ? new Set([id]) : emptiedBy(layout, [id]);
}

function namesOf(component: Component, layout: Layout): string[] {
  if (notMade.has(component.kind)) return [];
  const { id } = component;
  const mounts = layout.components.flatMap((one) => (one.kind === 'mount' && one.on.includes(id) ? [one.path] : []));
  const names: (string | undefined)[] = [
    ...mounts,
    'label' in component ? component.label : undefined,
    'name' in component && component.kind !== 'lv' ? component.name : undefined,
    ...(component.kind === 'disk' ? [component.serial, component.wwn] : []),
    ...(component.kind === 'md' ? [component.geometry?.name, component.geometry?.name?.split(':').at(-1)] : []),
    ...(component.kind === 'lv' ? [`${groupName(component, layout)}/${component.name}`] : []),
  ];
  return [...new Set(names.filter((name) => name !== undefined))];
}

function groupName({ on }: Component, layout: Layout): string {
  const below = layout.components.find(({ id }) => id === on[0]);
  if (below === undefined) return '';
  return below.kind === 'vg' ? below.name : groupName(below, layout);
}
