/** A plan for a person: which disk takes the place of which, what is lost, what it becomes, and what is done for it. */
import { printable } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import { commandText } from '../../plan/action.ts';
import { layoutTree } from '../tree.ts';
import { type Plan, planDigest } from './document.ts';

const certainties: Readonly<Record<Plan['disks'][number]['certainty'], string>> = {
  same: 'it is the same disk',
  named: 'as told',
  equivalent: 'any of the blank disks would give the same',
  likely: 'the most alike of those that are blank: look whether it is the right one',
};

/** @param commands whether each command is shown, too */
export function planText(plan: Plan, commands = false): string {
  const resized = plan.fates.new.filter(({ fate }) => fate === 'resize').map(resizedLine);
  const lines = [
    ...plan.disks.flatMap(diskLines),
    ...(plan.untouched.length === 0 ? [] : ['Not touched:', ...plan.untouched.map((title) => `  ${title}`), '']),
    'How it will be:',
    ...treeLines(plan),
    '',
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

function diskLines({ id, device, sizeBytes, from, certainty, reasons, destroys }: Plan['disks'][number]): string[] {
  const why = [certainties[certainty], ...reasons].join('; ');
  return [
    `${device}  ${id}  ${formatBytes(sizeBytes)}  ${id === from ? 'is used again' : `takes the place of ${from}`}: ${why}`,
    ...(destroys.length === 0
      ? ['  nothing is on it']
      : [
          '  will be lost on it:',
          ...destroys.map(
            ({ title, bytes }) => `    ${title}${bytes === undefined ? '' : `, ${formatBytes(bytes)} of data`}`,
          ),
        ]),
    '',
  ];
}

function treeLines({ layout }: Plan): string[] {
  const { components } = layout;
  const shown = components.filter(({ kind }) => !['mount', 'boot', 'loader'].includes(kind));
  return layoutTree({ ...layout, components: shown, gaps: [] })
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}

const resizedLine = ({ title, from = 0, to = 0 }: Plan['fates']['new'][number]): string =>
  `  ${formatBytes(from)} → ${formatBytes(to)}  ${title}`;
