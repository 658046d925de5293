/** A plan for a person: which card takes the place of which, what is lost, and what is done. */
import { printable } from '../../kernel/text.ts';
import { commandText } from '../../plan/action.ts';
import { linkText } from '../words.ts';
import { type LivePlan, type NetworkPlan, networkPlanDigest, type PlannedCard, type WrittenPlan } from './document.ts';
import type { Certainty } from './match.ts';

const certainties: Readonly<Record<Certainty, string>> = {
  same: 'it is the same card',
  named: 'as told',
  equivalent: 'any of the cards would give the same',
  likely: 'the most alike: look whether it is the right one',
};

/** @param commands whether each command, or each line of a file, is shown, too */
export function networkPlanText(plan: NetworkPlan, commands = false): string {
  const { cards, untouched, notes } = plan;
  const lines = [
    ...section('Cards:', cards.map(cardLine)),
    ...section('Not touched:', untouched),
    ...(plan.outcome === 'live' ? liveLines(plan, commands) : writtenLines(plan, commands)),
    ...section('Not as it was, or left to do:', notes),
    `Digest: ${networkPlanDigest(plan)}`,
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

const section = (title: string, items: readonly string[]): string[] =>
  items.length === 0 ? [] : [title, ...items.map((item) => `  ${item}`), ''];

function cardLine({ id, now, name, from, was, certainty, reasons }: PlannedCard): string {
  const place = id === from ? `is ${was}` : `takes the place of ${was} (${from})`;
  const called = now === name ? '' : `, is called ${name} then`;
  return `${now}  ${id}  ${place}${called}: ${[certainties[certainty], ...reasons].join('; ')}`;
}

function liveLines({ loses, network, actions }: LivePlan, commands: boolean): string[] {
  const done = actions.flatMap(({ title, commands: all }) => [
    title,
    ...(commands ? all.map((command) => `    ${commandText(command, (id) => `<${id}>`)}`) : []),
  ]);
  if (actions.length === 0) return ['Nothing is to do: the network is as it was captured.', ''];
  return [
    ...section(
      'Will be taken away:',
      loses.map(({ link, what }) => (link === '' ? what : `${link}: ${what}`)),
    ),
    ...section('How it will be:', network.links.map(linkText)),
    ...section(`What is done now, in ${actions.length} actions; connections over these links break:`, done),
  ];
}

function writtenLines({ root, files }: WrittenPlan, commands: boolean): string[] {
  if (files.length === 0)
    return [`Nothing is to do: no file of configuration below ${root} names a card that is another now.`, ''];
  const done = files.flatMap(({ path, renamedTo, lines }) => [
    `${path}${renamedTo === undefined ? '' : ` becomes ${renamedTo}`}: ${lines.length === 1 ? '1 line' : `${lines.length} lines`}`,
    ...(commands ? lines.flatMap(({ line, was, is }) => [`    ${line} - ${was}`, `    ${line} + ${is}`]) : []),
  ]);
  return section(`Files that are changed below ${root}:`, done);
}
