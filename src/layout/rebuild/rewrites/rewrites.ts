/** The rules by which a machine can be made otherwise than it was: the one list. */
import { LifeboatError } from '../../../kernel/errors.ts';
import { nearest } from '../../../kernel/nearest.ts';
import { type Component, handlerOf, type Layout } from '../../types.ts';
import { namedIn } from '../named.ts';
import { bios } from './bios.ts';
import { btrfs, ext4, xfs } from './filesystem.ts';
import { newLuks, noLuks } from './luks.ts';
import { mirror } from './mirror.ts';
import { noRaid } from './no-raid.ts';
import { noThin } from './no-thin.ts';
import { oneDisk } from './one-disk.ts';
import { type Rewrite, type Rewritten, suits } from './rewrite.ts';
import { type Rule, rules } from './rules.ts';
import { uefi } from './uefi.ts';

const rewrites: { readonly [R in Rule]: Rewrite } = {
  'no-raid': noRaid,
  mirror,
  'one-disk': oneDisk,
  uefi,
  bios,
  'no-luks': noLuks,
  'new-luks': newLuks,
  'no-thin': noThin,
  ext4,
  xfs,
  btrfs,
};

const byRule = new Map<string, Rewrite>(Object.entries(rewrites));

export interface RewriteRequest {
  readonly rule: string;
  /** What it is done to, as a person names it. @default the only thing that it can be done to */
  readonly target?: string;
}

/**
 * The layout by these rules, one after the other. Pure.
 *
 * @throws LifeboatError `usage` for what is no rule or names nothing, saying what could be rewritten; `unsupported` with the reason
 */
export function rewritten(layout: Layout, requests: readonly RewriteRequest[]): Rewritten {
  return requests.reduce<Rewritten>(
    (before, { rule: name, target }) => {
      const rule = ruleNamed(name);
      const { layout: after, notes } = rule.rewrite(targetOf(rule, target, before.layout), before.layout);
      return { layout: after, notes: [...before.notes, ...notes] };
    },
    { layout, notes: [] },
  );
}

function ruleNamed(name: string): Rewrite {
  const rule = byRule.get(name);
  if (rule !== undefined) return rule;
  const names = [...byRule.keys()];
  const guess = nearest(name, names);
  throw new LifeboatError('usage', `no rule ${name}`, {
    hint: `There are: ${names.join(', ')}.${guess === undefined ? '' : ` Did you mean ${guess}?`}`,
  });
}

function targetOf(rule: Rewrite, target: string | undefined, layout: Layout): Component {
  const could = layout.components.filter((one) => suits(rule, one, layout));
  if (target === undefined) {
    const [only, ...others] = could;
    if (only !== undefined && others.length === 0) return only;
    const what = only === undefined ? 'nothing here' : 'several things, of which one has to be named';
    throw new LifeboatError('usage', `--rewrite ${rule.rule} can be done to ${what}`, { hint: hintOf(rule, could) });
  }
  const component = namedIn(layout, target, 'the capture');
  if (could.includes(component)) return component;
  const why = rule.kinds.includes(component.kind)
    ? rule.problem?.(component, layout)
    : `it is of the kind ${component.kind}`;
  throw new LifeboatError('unsupported', `--rewrite ${rule.rule} cannot be done to ${component.id}: ${why}`, {
    hint: hintOf(rule, could),
  });
}

function hintOf({ rule }: Rewrite, could: readonly Component[]): string {
  if (could.length === 0) return `What it does: ${rules[rule]}.`;
  const names = could.map((one) => `--rewrite ${rule}=${one.id} (${handlerOf(one).title(one)})`);
  return `It could be: ${names.join('; ')}.`;
}
