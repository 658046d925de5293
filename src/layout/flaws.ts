/** What keeps components from being a graph: in a document it is refused, and in a capture it becomes a gap. */
import type { ComponentBase } from './handler.ts';

export interface Flaw {
  /** Of the component. */
  readonly index: number;
  /** The id in its `on` that cannot be; absent where the whole component cannot. */
  readonly edge?: string;
  readonly problem: string;
}

/**
 * The flaws of the first sort that there are: ids that are there twice, edges to nothing, circles, edges to a kind on which none stands.
 * Of a circle it is one edge, so that when all of these are mended there may be others.
 *
 * @param underOf the kinds that a kind may stand on, besides `unknown`; `undefined` for any
 */
export function flawsOf(
  components: readonly ComponentBase[],
  underOf: (kind: string) => readonly string[] | undefined,
): Flaw[] {
  const places = new Map<string, number>();
  const repeated = components.flatMap(({ id }, index): Flaw[] => {
    const other = places.get(id);
    if (other === undefined) places.set(id, index);
    return other === undefined
      ? []
      : [{ index, problem: `has the id ${JSON.stringify(id)}, as components[${other}] has` }];
  });
  if (repeated.length > 0) return repeated;
  const loose = edges(components, ({ id, at }) =>
    places.has(id) ? undefined : `stands on ${JSON.stringify(id)} (on[${at}]), which is not there`,
  );
  if (loose.length > 0) return loose;
  const circle = circleIn(components, places);
  if (circle !== undefined) return [circle];
  return edges(components, ({ id, at, component }) => {
    const allowed = underOf(component.kind);
    const kind = components[places.get(id) ?? -1]?.kind ?? 'unknown';
    if (allowed === undefined || kind === 'unknown' || allowed.includes(kind)) return undefined;
    return `is a ${component.kind} and stands on a ${kind} (on[${at}]), which none does`;
  });
}

interface Edge {
  readonly component: ComponentBase;
  readonly id: string;
  /** Its place in `on`. */
  readonly at: number;
}

function edges(components: readonly ComponentBase[], problemOf: (edge: Edge) => string | undefined): Flaw[] {
  return components.flatMap((component, index) =>
    component.on.flatMap((id, at): Flaw[] => {
      const problem = problemOf({ component, id, at });
      return problem === undefined ? [] : [{ index, edge: id, problem }];
    }),
  );
}

/** Follows the edges from each component, without recursion: a stack may be deep. */
function circleIn(components: readonly ComponentBase[], places: ReadonlyMap<string, number>): Flaw | undefined {
  const waiting = components.map(({ on }) => new Set(on).size);
  const above = new Map<string, number[]>();
  components.forEach(({ on }, index) => {
    for (const id of new Set(on)) {
      const standing = above.get(id);
      if (standing === undefined) above.set(id, [index]);
      else standing.push(index);
    }
  });
  const ready = [...waiting.keys()].filter((index) => waiting[index] === 0);
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    for (const next of above.get(components[index]?.id ?? '') ?? []) {
      const left = (waiting[next] ?? 0) - 1;
      waiting[next] = left;
      if (left === 0) ready.push(next);
    }
  }
  // Those that are left are in a circle, or above one: downwards every way leads into one.
  const isLeft = (index: number): boolean => (waiting[index] ?? 0) > 0;
  const below = (index: number): string => components[index]?.on.find((id) => isLeft(places.get(id) ?? -1)) ?? '';
  const seen = new Set<number>();
  let index = components.findIndex((_, at) => isLeft(at));
  if (index === -1) return undefined;
  for (; !seen.has(index); index = places.get(below(index)) ?? index) seen.add(index);
  const edge = below(index);
  return { index, edge, problem: `stands, by way of ${JSON.stringify(edge)}, on itself` };
}
