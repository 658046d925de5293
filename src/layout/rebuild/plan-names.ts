/** What a person says of a plan by names, as ids: what is left out, what stays, which disks may be taken, what shall be otherwise. */
import { LifeboatError } from '../../kernel/errors.ts';
import { intended } from './chosen.ts';
import { leftOutBy, namedIn } from './named.ts';
import type { PlanRequest } from './plan.ts';
import type { RewriteRequest } from './rewrites/rewrites.ts';
import { type Layout } from '../types.ts';
import { diskNamed, diskPairs } from './disk-pairs.ts';

export interface PlanNames {
  readonly map: readonly string[];
  readonly only: readonly string[];
  readonly exclude: readonly string[];
  readonly keep: readonly string[];
  readonly reuse: readonly string[];
  readonly rewrite: readonly string[];
}

/** @throws LifeboatError `usage` for what names nothing or several things */
export function namedRequest(
  { map, only, exclude, keep, reuse, rewrite }: PlanNames,
  wanted: Layout,
  found: Layout,
): Pick<PlanRequest, 'named' | 'only' | 'exclude' | 'keep' | 'reuse' | 'rewrites'> {
  const left = new Set(exclude.flatMap((name) => [...leftOutBy(wanted, name)]));
  const rewrites = rewrite.map(rewriteOf);
  const there = (name: string): string => namedIn(found, name, 'the machine to build on').id;
  // A rule may have added a disk.
  const after = rewrites.length === 0 ? [] : intended({ wanted, exclude: left, rewrites }).layout.components;
  const ids = new Set(wanted.components.map(({ id }) => id));
  const all = { ...wanted, components: [...wanted.components, ...after.filter(({ id }) => !ids.has(id))] };
  return {
    named: diskPairs(map, all, found),
    exclude: left,
    rewrites,
    keep: new Set(keep.map(there)),
    reuse: new Set(reuse.map(there)),
    ...(only.length === 0
      ? {}
      : { only: new Set(only.map((name) => diskNamed(name, found, 'the machine to build on'))) }),
  };
}

/** `RULE` or `RULE=WHAT`. */
function rewriteOf(typed: string): RewriteRequest {
  const [, rule, target] = /^([\w-]+)(?:=(.+))?$/s.exec(typed) ?? [];
  if (rule === undefined) throw new LifeboatError('usage', `not RULE or RULE=WHAT: ${typed}`);
  return target === undefined ? { rule } : { rule, target };
}
