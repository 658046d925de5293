/** A plan for a person: which disk takes the place of which, what is lost, what it becomes, and what is done for it. */
import { printable } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import { commandText } from '../../plan/action.ts';
import { givenNames } from '../../plan/preflight.ts';
import { layoutTree } from '../tree.ts';
import type { Component } from '../types.ts';
import { type Plan, planDigest } from './document.ts';
import { markedDisk } from './mark.ts';
import { type Line, linesOn, signOf, summaryOf, whyTaken } from './outcome.ts';
import { notMade, siteOf } from './site.ts';

/** @param commands whether each command is shown, too */
export function planText(plan: Plan, commands = false): string {
  const resized = plan.fates.new.filter(({ fate }) => fate === 'resize').map(resizedLine);
  const stays = linesOn(plan.fates.new, siteOf(plan.layout.components), () => true).filter(({ fate }) =>
    ['keep', 'reuse'].includes(fate.fate),
  );
  const needed = givenNames(plan.actions)
    .filter((name) => markedDisk(name) === undefined)
    .map(neededLine);
  const lines = [
    `${summaryOf(plan).join('; ')}.`,
    '',
    ...diskLines(plan),
    ...(stays.some(({ fate }) => fate.fate === 'reuse') ? [reusedMeans, ''] : []),
    ...(plan.untouched.length === 0 ? [] : ['Not touched:', ...plan.untouched.map((title) => `  ${title}`), '']),
    `How it will be, ${stays.length === 0 ? 'with nothing in it' : 'with nothing in it but what stays'} until files and boot loader are restored:`,
    ...treeLines(plan),
    '',
    ...(needed.length === 0 ? [] : ['Needed for it:', ...needed.map((name) => `  ${name}`), '']),
    ...(stays.length === 0 ? [] : ['Stays where it is:', ...stays.map(stayingLine), '']),
    ...(resized.length === 0 ? [] : ['In another size:', ...resized, '']),
    ...(plan.notes.length === 0 ? [] : ['Not as it was:', ...plan.notes.map((note) => `  ${note}`), '']),
    `What is done, in ${plan.actions.length} actions:`,
    ...plan.actions.flatMap(({ title, writes, commands: all }) => [
      `  ${title}${writes.length === 0 ? '' : `  (on ${writes.join(', ')})`}`,
      ...(commands ? all.map((command) => `      ${commandText(command, (id) => `<${id}>`)}`) : []),
    ]),
    '',
    `Digest: ${planDigest(plan)}`,
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

const reusedMeans = 'What is reused stays itself; what it holds is made anew, but for what stays.';

/** What whoever carries it out has to be given for an encrypted volume, in the words of its commands. */
const neededLine = (name: string): string => {
  const [, family, what, volume] = /^(\w+)-(header|key):(.*)$/.exec(name) ?? [];
  if (what === 'header') return `the LUKS header of ${volume}, as kept with a point: --header ${volume}=FILE`;
  return `a ${family === 'luks' ? 'passphrase or key that opens' : 'key of'} ${volume}: --key ${volume}=FILE`;
};

/** Of each disk that is written to, what becomes of all that is on it now; what is on several is told with the first. */
function diskLines({ disks, before, fates }: Plan): string[] {
  const site = siteOf(before.components.filter(({ kind }) => !notMade.has(kind)));
  const isJoint = (id: string): boolean => site.disksUnder(id).length > 1;
  const isLowestJoint = (id: string): boolean => isJoint(id) && !site.get(id).on.some(isJoint);
  const told = new Set<string>();
  return disks.flatMap((disk) => {
    const { id, device, sizeBytes, blank, from } = disk;
    const shown = fates.old.filter((one) => !told.has(one.id) || isLowestJoint(one.id));
    const lines = linesOn(shown, site, (under) => under.includes(id)).map(({ fate, indent }) => {
      const others = site.disksUnder(fate.id).filter((other) => other !== id);
      const also = told.has(fate.id) ? 'see above' : `also on ${others.join(', ')}`;
      told.add(fate.id);
      const sign = signOf[fate.fate].padEnd(7);
      return `    ${sign}${'  '.repeat(indent)}${fate.title}${isLowestJoint(fate.id) ? `  (${also})` : ''}`;
    });
    return [
      `${device}  ${id}  ${formatBytes(sizeBytes)}`,
      `  ${id === from ? 'is used again' : `takes the place of ${from}`}: ${whyTaken(disk)}`,
      ...(lines.length > 0 ? ['  on it now:', ...lines] : [blank ? '  nothing is on it now' : unknownContent]),
      '',
    ];
  });
}

/** It holds no signature, and is not empty either. */
const unknownContent = '  on it now is something that nothing here knows, which will be lost';

function treeLines({ layout, fates }: Plan): string[] {
  const made = new Set(fates.new.flatMap(({ id, fate }) => (fate === 'create' ? [id] : [])));
  const empty = (one: Component): Component => {
    if (!made.has(one.id) || !('usedBytes' in one)) return one;
    const { usedBytes: _, ...rest } = one;
    return rest;
  };
  const shown = layout.components.filter(({ kind }) => !notMade.has(kind)).map(empty);
  return layoutTree({ ...layout, components: shown, gaps: [] })
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}

const resizedLine = ({ title, from = 0, to = 0 }: Plan['fates']['new'][number]): string =>
  `  ${formatBytes(from)} → ${formatBytes(to)}  ${title}`;

const stayingLine = ({ fate: { fate, title }, indent }: Line): string =>
  `  ${'  '.repeat(indent)}${title}${fate === 'reuse' ? '  (reused)' : ''}`;
