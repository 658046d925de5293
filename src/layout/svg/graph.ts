/** The graph of a layout, as a picture needs it: what stands where, and what stands on several things at once. */
import type { Component, ComponentOf, Layout } from '../types.ts';
import { sizeOf } from './facts.ts';

/** Components that stand on the same several things. Its tag is repeated at each of them. */
export interface Stack {
  /** `A`, `B`, … `AA`: how a reader finds it again. */
  readonly tag: string;
  /** Which of the colours of tags. */
  readonly hue: number;
  readonly on: readonly Component[];
  readonly members: readonly Component[];
}

export interface Graph {
  /** What stands on nothing that is shown. */
  readonly roots: readonly Component[];
  /** A stack comes after those that it stands on. */
  readonly stacks: readonly Stack[];
  /** What has no room of its own and carries nothing, such as what starts the host: told apart from the devices. */
  readonly loose: readonly Component[];
  /** Mounts of the kernel's own, which are counted only. */
  readonly pseudo: readonly ComponentOf<'mount'>[];
  /** What stands on this component and on nothing else. */
  above(component: Component): readonly Component[];
  below(component: Component): readonly Component[];
  stacksOn(component: Component): readonly Stack[];
}

/** How many colours tags have before they begin anew. */
export const hueCount = 8;

export function graphOf({ components }: Layout): Graph {
  const shown = components.filter((component) => !isPseudo(component));
  const byId = new Map(shown.map((component) => [component.id, component]));
  const below = new Map(
    shown.map((component) => [
      component.id,
      [...new Set(component.on)].map((id) => byId.get(id)).filter((one) => one !== undefined),
    ]),
  );
  const carrying = new Set(shown.flatMap(({ on }) => on));
  const depths = depthsOf(shown, below);
  const roots: Component[] = [];
  const loose: Component[] = [];
  const above = new Map<string, Component[]>();
  const joint = new Map<string, Component[]>();
  for (const component of shown) {
    const under = below.get(component.id) ?? [];
    const [only] = under;
    // A disk that comes by a network is a disk like others.
    if (only === undefined || component.kind === 'disk') roots.push(component);
    else if (!carrying.has(component.id) && hasNoRoom(component)) loose.push(component);
    else if (under.length === 1) push(above, only.id, component);
    else push(joint, JSON.stringify(under.map(({ id }) => id).sort()), component);
  }
  const stacks = [...joint.values()]
    .map((members) => ({ members, depth: Math.max(...members.map(({ id }) => depths.get(id) ?? 0)) }))
    .sort((one, other) => one.depth - other.depth)
    .map(({ members }, index) => ({
      tag: tagOf(index),
      hue: index % hueCount,
      on: below.get(members[0]?.id ?? '') ?? [],
      members,
    }));
  const standing = new Map<string, Stack[]>();
  for (const stack of stacks) for (const { id } of stack.on) push(standing, id, stack);
  return {
    roots,
    stacks,
    loose,
    pseudo: components.filter(isPseudo),
    above: ({ id }) => above.get(id) ?? [],
    below: ({ id }) => below.get(id) ?? [],
    stacksOn: ({ id }) => standing.get(id) ?? [],
  };
}

function hasNoRoom(component: Component): boolean {
  return sizeOf(component) === undefined && !['mount', 'subvolume', 'table'].includes(component.kind);
}

function isPseudo(component: Component): component is ComponentOf<'mount'> {
  return component.kind === 'mount' && component.category === 'pseudo';
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}

/** How many things lie one above the other below each component. */
function depthsOf(
  components: readonly Component[],
  below: ReadonlyMap<string, readonly Component[]>,
): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  const depthOf = (id: string): number => {
    const known = depths.get(id);
    if (known !== undefined) return known;
    const depth = (below.get(id) ?? []).reduce((most, one) => Math.max(most, depthOf(one.id) + 1), 0);
    depths.set(id, depth);
    return depth;
  };
  for (const { id } of components) depthOf(id);
  return depths;
}

/** 0 → `A`, 25 → `Z`, 26 → `AA`. */
function tagOf(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : tagOf(Math.floor(index / 26) - 1) + last;
}
