/** A layout on other disks: their ids, and ids that are made of those, take the place of the old ones everywhere. */
import { type Component, type ComponentOf, type Layout, parseLayout } from '../types.ts';

type Disk = ComponentOf<'disk'>;

/**
 * @param layout made to fit them
 * @param disks those that take the place of others, by the ids of those
 */
export function retargeted(layout: Layout, disks: ReadonlyMap<string, Disk>): Layout {
  const names = namesWith(layout, new Map([...disks].map(([from, { id }]) => [from, id])));
  const components = layout.components.map((component) => moved(component, disks, layout));
  return withNames({ ...layout, components }, names);
}

/** Other ids, wherever something is named by one in these components. @param isMeant @default all */
export function withNames(
  layout: Layout,
  names: ReadonlyMap<string, string>,
  isMeant: (component: Component) => boolean = () => true,
): Layout {
  const components = layout.components.map((one): unknown => (isMeant(one) ? replaced(one, names) : one));
  return parseLayout({ ...layout, components });
}

/** The same disks by other ids. */
export const withDisksNamed = (layout: Layout, disks: ReadonlyMap<string, string>): Layout =>
  disks.size === 0 ? layout : withNames(layout, namesWith(layout, disks));

const namesWith = (layout: Layout, disks: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map(layout.components.map(({ id }) => [id, renamed(id, disks)]));

/** Ids that end with that of a disk, as that of its table does, and those of partitions without a UUID, which go on with a number. */
function renamed(id: string, disks: ReadonlyMap<string, string>): string {
  for (const [from, to] of disks) {
    if (!id.includes(from)) continue;
    const [, before, after] = new RegExp(`^(|.*:)${RegExp.escape(from)}(|:\\d+)$`).exec(id) ?? [];
    if (before !== undefined && after !== undefined) return `${before}${to}${after}`;
  }
  return id;
}

/** The disk itself under its old id, and a table as far as what it is on now reaches. */
function moved(component: Component, disks: ReadonlyMap<string, Disk>, layout: Layout): Component {
  if (component.kind === 'disk') return { ...(disks.get(component.id) ?? component), id: component.id };
  if (component.kind !== 'table' || component.geometry?.lastSector === undefined) return component;
  const under = layout.components.find(({ id }) => id === component.on[0]);
  if (under === undefined || !('sizeBytes' in under) || under.sizeBytes === undefined) return component;
  const { sectorSize, entries = 0 } = component.geometry;
  const lastSector = under.sizeBytes / sectorSize - 2 - Math.ceil((entries * 128) / sectorSize);
  return { ...component, geometry: { ...component.geometry, lastSector } };
}

/** Every string that is a key of `names`, wherever it stands. */
function replaced(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return names.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => replaced(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, names)]));
}
