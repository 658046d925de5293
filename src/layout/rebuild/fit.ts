/**
 * The space solver: a layout made to fit other disks than those that it was captured on.
 *
 * From the top of the graph down to the disks it is told what each component needs; from the disks up, what each gets. Before that
 * both are done once with what is certain only, so that a group that spreads over several disks asks for more where there is more.
 */
import { LifeboatError } from '../../kernel/errors.ts';
import { printable } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import { type Component, type ComponentOf, handlerOf, type Layout } from '../types.ts';
import type { Above, Fitted, Need, Share } from './room.ts';
import { offeredBy } from './rooms/lvm.ts';
import { type Rooms, roomsFor, takesRoom } from './rooms.ts';
import { type OrderedSite, siteOf } from './site.ts';

export interface FitOptions {
  /** New sizes of disks, by id. @default each keeps its own */
  readonly sizes?: ReadonlyMap<string, number>;
  /** New sizes of their sectors, by id: partitions begin and end at whole ones. @default each keeps its own */
  readonly sectors?: ReadonlyMap<string, number>;
  /** Whether a filesystem shall take what is left over. @default none does */
  readonly grows?: (component: Component) => boolean;
  /** Ids of what carries other things than when it was captured: its room is divided anew. */
  readonly changed?: ReadonlySet<string>;
}

/**
 * The layout on disks of these sizes: what has to be smaller is, what shall grow does, and what stands only on what did not change
 * stays as it was.
 *
 * @throws LifeboatError `no-space` that names each disk that is too small, how large it has to be, and what takes the room
 */
export function fitted(
  layout: Layout,
  { sizes = new Map(), sectors = new Map(), grows = () => false, changed: given = new Set() }: FitOptions = {},
): Layout {
  const rooms = roomsFor(grows);
  const changed = new Set<string>(given);
  const site = siteOf(layout.components);
  const components = layout.components.map((component) => {
    const sizeBytes = sizes.get(component.id);
    const table = component.kind === 'table' ? inSectors(component, sectorUnder(component, site, sectors)) : undefined;
    if (table !== undefined) {
      changed.add(table.on[0] ?? '').add(table.id);
      return table;
    }
    if (component.kind !== 'disk' || sizeBytes === undefined || sizeBytes === component.sizeBytes) return component;
    changed.add(component.id);
    return { ...component, sizeBytes };
  });
  // What it stood on did suffice.
  if (changed.size === 0 && !layout.components.some(grows)) return layout;
  const graph = graphOf(components);
  const needs = needsOf(graph, rooms, limitsOf(graph, rooms, needsOf(graph, rooms)));
  refuseTooSmall(graph, needs);
  const result = new Map<string, Component>();
  const shares = new Map<string, Share>();
  for (const component of graph.order) {
    const { id, on } = component;
    const above = graph.aboveOf(component, needs);
    const given = on.map((below) => shares.get(edge(below, id)) ?? { bytes: 0 });
    const grown = on.some((below) => needs.get(edge(below, id))?.grows === true);
    const isOther = component.kind === 'partition' ? isMoved(component, given) : on.some((below) => changed.has(below));
    if (isOther || grown) changed.add(id);
    // What stays has what it had; but in a row each has its place by what is before it, and no disk has more than it has.
    const left =
      changed.has(id) || component.kind === 'table' || component.kind === 'disk'
        ? take(rooms(component).fitted(component, given, above), result)
        : above.map(({ need }) => ({ bytes: need.usual }));
    above.forEach((one, index) => {
      const share = left[index];
      if (share !== undefined) shares.set(edge(id, one.component.id), share);
    });
  }
  return { ...layout, components: components.map((component) => result.get(component.id) ?? component) };
}

/** What is made of several disks has the largest sectors of them, or larger ones of its own, as LUKS may. */
function sectorUnder(
  { id, geometry }: ComponentOf<'table'>,
  site: OrderedSite,
  sectors: ReadonlyMap<string, number>,
): number | undefined {
  const disks = site.disksUnder(id).map((one) => site.get(one));
  const largest = (of: (disk: Component) => number | undefined): number =>
    Math.max(0, ...disks.map((disk) => of(disk) ?? 0));
  const before = largest((disk) => (disk.kind === 'disk' ? disk.logicalSector : undefined));
  const now = largest((disk) => sectors.get(disk.id));
  if (now === 0) return undefined;
  const own = geometry?.sectorSize ?? 0;
  return before === own || before === 0 ? now : Math.max(own, now);
}

/** A table on a disk of other sectors; `undefined` where they are the same. */
function inSectors(table: ComponentOf<'table'>, sectorSize: number | undefined): ComponentOf<'table'> | undefined {
  const { geometry } = table;
  if (geometry === undefined || sectorSize === undefined || sectorSize === geometry.sectorSize) return undefined;
  const { firstSector: _, lastSector: __, ...rest } = geometry;
  const bounds = geometry.firstSector === undefined ? {} : { firstSector: mebibyte / sectorSize };
  // Where the last one is follows from the size of the disk.
  const last = geometry.lastSector === undefined ? {} : { lastSector: geometry.lastSector };
  return { ...table, geometry: { ...rest, sectorSize, ...bounds, ...last } };
}

const mebibyte = 1 << 20;

function take({ component, left }: Fitted<Component>, result: Map<string, Component>): readonly Share[] {
  result.set(component.id, component);
  return left;
}

function isMoved({ sizeBytes, startBytes }: ComponentOf<'partition'>, [share]: readonly Share[]): boolean {
  return share !== undefined && (share.bytes !== sizeBytes || share.startBytes !== startBytes);
}

/** What {@link fitted} goes through: components that take room, each after those that it stands on. */
interface Graph {
  readonly order: readonly Component[];
  /** Absent for what takes no room itself, as a mount. */
  readonly find: (id: string) => Component | undefined;
  readonly aboveOf: (component: Component, needs: Needs) => Above<Component>[];
}

/** What one component needs of another, by {@link edge}. */
type Needs = ReadonlyMap<string, Need>;

const edge = (below: string, above: string): string => JSON.stringify([below, above]);
const nothing: Need = { least: 0, usual: 0, grows: false };

function graphOf(components: readonly Component[]): Graph {
  const taking = components.filter(takesRoom);
  const byId = new Map(taking.map((component) => [component.id, component]));
  const { order, above } = siteOf(taking);
  return {
    order,
    find: (id) => byId.get(id),
    aboveOf: ({ id }, needs) =>
      above(id).map((component) => ({ component, need: needs.get(edge(id, component.id)) ?? nothing })),
  };
}

function needsOf({ order, aboveOf, find }: Graph, rooms: Rooms, limits?: ReadonlyMap<string, number>): Needs {
  const needs = new Map<string, Need>();
  for (const component of order.toReversed()) {
    const below =
      limits &&
      component.on.map((id) => ({ limit: limits.get(edge(id, component.id)) ?? 0, gave: gaveBefore(find(id)) }));
    const found = rooms(component).needs(component, aboveOf(component, needs), below);
    component.on.forEach((id, index) => needs.set(edge(id, component.id), found[index] ?? nothing));
  }
  return needs;
}

function gaveBefore(component: Component | undefined): number {
  if (component === undefined) return 0;
  if (component.kind === 'pv') return offeredBy(component);
  return 'sizeBytes' in component ? (component.sizeBytes ?? 0) : 0;
}

/** The most that one component could have of another, by {@link edge}. */
function limitsOf({ order, aboveOf }: Graph, rooms: Rooms, needs: Needs): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const component of order) {
    const under = component.on.map((id) => limits.get(edge(id, component.id)) ?? 0);
    const above = aboveOf(component, needs);
    const most = rooms(component).most(component, under, above);
    above.forEach((one, index) => limits.set(edge(component.id, one.component.id), most[index] ?? 0));
  }
  return limits;
}

function refuseTooSmall({ order, aboveOf }: Graph, needs: Needs): void {
  const problems = order.flatMap((component) => {
    if (component.kind !== 'disk') return [];
    const least = Math.max(0, ...aboveOf(component, needs).map(({ need }) => need.least));
    if (least <= component.sizeBytes) return [];
    const size = formatBytes(component.sizeBytes);
    const needed = `${formatBytes(least)} (${least} bytes)`;
    return `${component.id} has ${size}, and a disk of at least ${needed} is needed: ${largest(component, aboveOf, needs)}`;
  });
  if (problems.length === 0) return;
  throw new LifeboatError('no-space', printable(problems.join('; ')), {
    hint: 'Take a larger disk with --map, or leave something out with --exclude.',
  });
}

/** The three things at the top of what stands on a disk that take most of it. */
function largest(disk: Component, aboveOf: Graph['aboveOf'], needs: Needs): string {
  const tops = new Map<Component, number>();
  const visit = (component: Component, least: number): void => {
    const above = aboveOf(component, needs);
    if (above.length === 0) tops.set(component, Math.max(least, tops.get(component) ?? 0));
    for (const one of above) visit(one.component, one.need.least);
  };
  visit(disk, 0);
  return [...tops]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([component, least]) => `${formatBytes(least)} for ${nameOf(component)}`)
    .join(', ');
}

/** `ext4 "root"`: its title up to its label, or all of it. */
function nameOf(component: Component): string {
  const type = 'type' in component ? component.type : component.kind;
  return 'label' in component && component.label !== undefined
    ? `${type} "${component.label}"`
    : handlerOf(component).title(component);
}
