/** `--map OLD=NEW`: which card takes the place of which, as a person names them. */
import { LifeboatError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { printable } from '../kernel/text.ts';
import { idOf } from '../network/rebuild/cards.ts';
import type { Link, Network } from '../network/types.ts';

/**
 * Names of links that are there, by those that were captured.
 *
 * @throws LifeboatError `usage` for what names no link or several, naming those that there are
 */
export function linkPairs(rules: readonly string[], wanted: Network, found: Network): ReadonlyMap<string, string> {
  const pairs = rules.map((rule) => {
    const [, old, now] = /^([^=]+)=(.+)$/.exec(rule) ?? [];
    if (old === undefined || now === undefined) throw new LifeboatError('usage', `not OLD=NEW: ${rule}`);
    return [linkNamed(old, wanted, 'the capture'), linkNamed(now, found, 'the machine to set up')] as const;
  });
  const twice = pairs.find(([, now], index) => pairs.findIndex((pair) => pair[1] === now) !== index);
  if (twice !== undefined) throw new LifeboatError('usage', printable(`${twice[1]} cannot take the place of two`));
  const torn = pairs.find(([old], index) => pairs.findIndex((pair) => pair[0] === old) !== index);
  if (torn !== undefined) throw new LifeboatError('usage', printable(`two cannot take the place of ${torn[0]}`));
  return new Map(pairs);
}

/** Names of captured links, as `--exclude` names them. @throws LifeboatError `usage` */
export const linksNamed = (names: readonly string[], wanted: Network): ReadonlySet<string> =>
  new Set(names.map((name) => linkNamed(name, wanted, 'the capture')));

/** By its permanent MAC, what else it is known by, or its name. */
function linkNamed(typed: string, { links }: Network, where: string): string {
  const isMeant = (link: Link): boolean =>
    link.name === typed || idOf(link) === typed || link.permanentMac === typed.toLowerCase();
  const [only, ...others] = links.filter(isMeant);
  if (only !== undefined && others.length === 0) return only.name;
  const known = links.map(({ name, permanentMac }) =>
    permanentMac === undefined ? name : `${name} (${permanentMac})`,
  );
  const guess = nearest(
    typed,
    links.flatMap(({ name, permanentMac }) => [name, ...(permanentMac === undefined ? [] : [permanentMac])]),
  );
  throw new LifeboatError(
    'usage',
    printable(`${where} has ${only === undefined ? 'no link' : 'several links'} ${typed}`),
    {
      hint: printable(`There are: ${known.join(', ')}.${guess === undefined ? '' : ` Did you mean ${guess}?`}`),
    },
  );
}
