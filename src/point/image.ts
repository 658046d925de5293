/** What lies in an image: a file that is held holds all of it, unless somebody writes to it meanwhile. */
import type { Verdict } from '../layout/handler.ts';
import type { Component } from '../layout/types.ts';
import type { Graph, Judge } from './judge.ts';

/** The verdict on a component, or a better one where the file in which it lies is held. */
export function orByImage(verdict: Verdict, component: Component, graph: Graph, judge: Judge): Verdict {
  if (verdict.state === 'covered' || verdict.harmless || isWritten(component, graph)) return verdict;
  return byImage(component, graph, judge) ?? verdict;
}

/** Covered, or `undefined`: also where only some of what it stands on lies in images. */
function byImage(component: Component, graph: Graph, judge: Judge): Verdict | undefined {
  if (component.kind === 'loop') {
    if (component.removed === true) return undefined;
    const verdict = judge.path(component.file, 'file');
    return verdict.state === 'covered'
      ? { ...verdict, reason: `in the file ${component.file}: ${verdict.reason}` }
      : undefined;
  }
  const under = component.on.map((id) => {
    const one = graph.byId.get(id);
    return one === undefined ? undefined : byImage(one, graph, judge);
  });
  return under.includes(undefined) ? undefined : under[0];
}

/** A copy of what is written to while it is read is not what it was at any moment. */
function isWritten(component: Component, graph: Graph): boolean {
  if (component.kind === 'mount') return component.mounted && !component.options.split(',').includes('ro');
  return (graph.above.get(component.id) ?? []).some((one) => isWritten(one, graph));
}
