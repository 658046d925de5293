/** How a disk, or whatever else has room, is divided: into what lies side by side on it, and what is left. */
import type { Component, ComponentOf } from '../types.ts';
import { isContent, sizeOf } from './facts.ts';
import type { Graph, Stack } from './graph.ts';
import { contentOf } from './look.ts';

export interface Part {
  /** Absent for room that nothing has. */
  readonly component?: Component;
  /** What the room without a component is. */
  readonly rest?: 'free' | 'other' | 'empty';
  /** What may have that room. */
  readonly stacks?: readonly Stack[];
  readonly sizeBytes: number;
  /** How it is divided in its turn. */
  readonly inside: readonly Part[];
}

/** The parts of a whole, in their order, of all its room. Never none. */
export function partsOf(graph: Graph, whole: Component): readonly Part[] {
  const divided = divisionOf(graph, whole);
  if (divided !== undefined) return divided;
  const bare = graph.above(whole).length === 0 && graph.stacksOn(whole).length === 0;
  if (bare && !isContent(whole)) return [{ rest: 'empty', sizeBytes: sizeOf(whole) ?? 0, inside: [] }];
  return [{ component: whole, sizeBytes: sizeOf(whole) ?? 0, inside: [] }];
}

/** `undefined` where one thing has all of it. */
function divisionOf(graph: Graph, whole: Component): readonly Part[] | undefined {
  const content = contentOf(graph, whole);
  if (content?.kind === 'table') return tableParts(graph, content, sizeOf(whole) ?? 0);
  const carrier = throughGroups(graph, content ?? whole);
  const volumes = graph.above(carrier).filter((one) => !isContent(one) && (sizeOf(one) ?? 0) > 0);
  if (volumes.length === 0) return undefined;
  const partitions = volumes.filter((one) => one.kind === 'partition');
  if (partitions.length === volumes.length) return placed(graph, partitions, sizeOf(whole) ?? 0);
  if (volumes.length === 1 && graph.stacksOn(carrier).length === 0) {
    const [only] = volumes;
    // What encryption or a single volume adds is no division.
    return only === undefined || (sizeOf(only) ?? 0) * 1.1 < (sizeOf(whole) ?? 0)
      ? counted(graph, volumes, carrier, whole)
      : divisionOf(graph, only);
  }
  return counted(graph, volumes, carrier, whole);
}

/** What only groups volumes, and has no size to be drawn by, is passed. */
function throughGroups(graph: Graph, component: Component): Component {
  for (let carrier = component; ; ) {
    const [only, ...others] = graph.above(carrier).filter(({ kind }) => kind !== 'mount' && kind !== 'subvolume');
    if (only === undefined || others.length > 0 || sizeOf(only) !== undefined) return carrier;
    carrier = only;
  }
}

function tableParts(graph: Graph, table: Component, sizeBytes: number): readonly Part[] {
  const partitions = graph.above(table).filter((one) => one.kind === 'partition');
  return placed(
    graph,
    partitions.flatMap((one) => logicalsOf(graph, one)),
    sizeBytes,
  );
}

/** An extended partition only holds the logical ones, and is shown by them. */
function logicalsOf(graph: Graph, partition: ComponentOf<'partition'>): readonly ComponentOf<'partition'>[] {
  const logical = graph.above(partition).filter((one) => one.kind === 'partition');
  return logical.length === 0 ? [partition] : logical;
}

/** Gaps that come from alignment are no free room. */
function worthTelling(gap: number, total: number): boolean {
  return gap > Math.max(1.5 * 2 ** 20, Math.min(16 * 2 ** 20, total / 200));
}

/** Partitions where they are, with the room between them. Those whose place is not known come last. */
function placed(graph: Graph, partitions: readonly ComponentOf<'partition'>[], total: number): readonly Part[] {
  const sorted = partitions.toSorted(
    (one, other) =>
      (one.startBytes ?? Number.MAX_SAFE_INTEGER) - (other.startBytes ?? Number.MAX_SAFE_INTEGER) ||
      one.number - other.number,
  );
  const parts: Part[] = [];
  let end = 0;
  const free = (sizeBytes: number): void => {
    if (worthTelling(sizeBytes, total)) parts.push({ rest: 'free', sizeBytes, inside: [] });
  };
  for (const partition of sorted) {
    free((partition.startBytes ?? end) - end);
    parts.push(partOf(graph, partition));
    end = Math.max(end, (partition.startBytes ?? end) + partition.sizeBytes);
  }
  free(total - end);
  return parts.length === 0 ? [{ rest: 'free', sizeBytes: total, inside: [] }] : parts;
}

/** Volumes by their sizes. What is left is free only if nothing else, which may have it, stands there too. */
function counted(graph: Graph, volumes: readonly Component[], carrier: Component, whole: Component): readonly Part[] {
  const total = sizeOf(whole) ?? 0;
  const left = total - volumes.reduce((sum, one) => sum + (sizeOf(one) ?? 0), 0);
  const stacks = [...new Set([...graph.stacksOn(carrier), ...graph.stacksOn(whole)])];
  const rest: Part[] = worthTelling(left, total)
    ? [{ rest: stacks.length > 0 ? 'other' : 'free', sizeBytes: left, inside: [], stacks }]
    : [];
  return [...volumes.map((one) => partOf(graph, one)), ...rest];
}

function partOf(graph: Graph, component: Component): Part {
  return { component, sizeBytes: sizeOf(component) ?? 0, inside: divisionOf(graph, component) ?? [] };
}
