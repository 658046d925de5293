/** The contract of a rule by which a machine is made otherwise than it was: a pure function from layout to layout. */
import type { Component, Kind, Layout } from '../../types.ts';
import type { Rule } from './rules.ts';

export interface Rewritten {
  readonly layout: Layout;
  /** What is not as it was by that, to a person. */
  readonly notes: readonly string[];
}

/** @typeParam C what it is done to: components of its `kinds` */
export interface Rewrite<C = Component> {
  /** As a person names it on the command line. */
  readonly rule: Rule;
  readonly kinds: readonly Kind[];
  /** Why it cannot be done to one; `undefined` where it can. */
  problem?(component: C, layout: Layout): string | undefined;
  rewrite(component: C, layout: Layout): Rewritten;
}

/** Whether a rule is for components like that, and can be done to this one. */
export function suits(rule: Rewrite, component: Component, layout: Layout): boolean {
  return rule.kinds.includes(component.kind) && rule.problem?.(component, layout) === undefined;
}
