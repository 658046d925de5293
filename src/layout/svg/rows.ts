/** What stands on a device as lines of a table: device, what fills it, how full it is, where it is mounted. */
import type { Component, ComponentOf } from '../types.ts';
import { isContent } from './facts.ts';
import type { Graph, Stack } from './graph.ts';
import { contentOf } from './look.ts';

export interface Row {
  readonly indent: number;
  /** Absent where several devices carry the content. */
  readonly device?: Component;
  readonly content?: Component;
  readonly mounts: readonly ComponentOf<'mount'>[];
  readonly binds: number;
  /** What stands on it and on others too. */
  readonly stacks: readonly Stack[];
  /** Subvolumes that are not mounted by themselves. */
  readonly subvolumes: readonly ComponentOf<'subvolume'>[];
}

/** The line of a component, and those of all that stands on it. */
export function rowsOf(graph: Graph, component: Component, indent: number): Row[] {
  const device = isContent(component) ? undefined : component;
  const content = device === undefined ? component : contentOf(graph, device);
  const standing = [
    ...(device === undefined ? [] : graph.above(device).filter((one) => one !== content)),
    ...(content === undefined ? [] : graph.above(content)),
  ];
  const mounts = standing.filter((one) => one.kind === 'mount');
  const subvolumes = standing.filter((one) => one.kind === 'subvolume');
  const named = subvolumes.filter((one) => graph.above(one).length > 0);
  const row: Row = {
    indent,
    ...(device === undefined ? {} : { device }),
    ...(content === undefined ? {} : { content }),
    mounts: mounts.filter(({ category }) => category !== 'bind'),
    binds: mounts.filter(({ category }) => category === 'bind').length,
    stacks: [device, content].flatMap((one) => (one === undefined ? [] : graph.stacksOn(one))),
    subvolumes: subvolumes.filter((one) => graph.above(one).length === 0),
  };
  const others = [
    ...named,
    ...mounts.flatMap((mount) => graph.above(mount)),
    ...standing.filter(({ kind }) => kind !== 'mount' && kind !== 'subvolume'),
  ];
  return [row, ...others.flatMap((one) => rowsOf(graph, one, indent + 1))];
}
