/** Makes the plan of how the configuration of a system is made to fit the cards that are there. */
import { LifeboatError } from '../../../kernel/errors.ts';
import { printable } from '../../../kernel/text.ts';
import type { Network } from '../../types.ts';
import { networkPlanFormat, type PlannedFile, type WrittenPlan } from '../document.ts';
import { type NetworkRequest, matched, networkDigest, plannedCard } from '../plan.ts';
import { cardTitle } from '../match.ts';
import { cardsOf } from '../cards.ts';
import { isYaml, pinnedNames } from './formats.ts';
import { asRecords, identitiesOf, namesThen } from './identities.ts';
import { plannedFile } from './rewrite.ts';
import { fits } from './names.ts';

export interface WrittenRequest extends NetworkRequest {
  readonly root: string;
  /** Files of configuration that lie there, by their paths in the system. */
  readonly files: ReadonlyMap<string, string>;
  /** Names that udev gives, by those that cards have here. */
  readonly given: ReadonlyMap<string, string>;
}

/**
 * Pure: the same request gives the same plan.
 *
 * @throws LifeboatError `refused` for a card without one to take its place, and where old names cannot be told from new ones
 */
export function planWritten(request: WrittenRequest): WrittenPlan {
  const { wanted, found, root, files, given } = request;
  const matches = matched(request);
  const { names, notes } = namesThen(matches, pinnedNames(files), found, given);
  const identities = identitiesOf(matches, names);
  const planned = [...files].flatMap(([path, content]) => plannedFile(path, content, identities) ?? []);
  refuseTwice(planned, wanted, identities.names);
  refuseTaken(planned, new Set(files.keys()));
  const taken = new Set(matches.map(({ to }) => to.name));
  return {
    format: networkPlanFormat,
    outcome: 'written',
    cards: matches.map((match) => plannedCard(match, names.get(match.from.name) ?? match.to.name)),
    untouched: cardsOf(found)
      .filter(({ name }) => !taken.has(name))
      .map(cardTitle),
    of: networkDigest(wanted),
    notes: [...notes, ...unverified(planned), ...patternNotes(files, identities.names)].map(printable),
    root,
    identities: asRecords(identities),
    files: planned,
  };
}

/** Where cards have exchanged names, a file that was rewritten before would be rewritten back. */
function refuseTwice(
  planned: readonly PlannedFile[],
  { files = [] }: Network,
  names: ReadonlyMap<string, string>,
): void {
  if (![...names.values()].some((name) => names.has(name))) return;
  const captured = new Map(files.map(({ path, digest }) => [path, digest]));
  const other = planned.find(({ path, before }) => captured.get(path) !== before);
  if (other === undefined) return;
  throw new LifeboatError(
    'refused',
    printable(
      `${other.path} is not as it was captured, and cards exchange their names: which name in it is meant nobody can tell`,
    ),
    {
      hint: 'Put the file back as it was captured, or change its names by hand.',
    },
  );
}

/**
 * A file that gets a new name may not take the place of one that stays.
 *
 * @param there paths of files that are there
 * @throws LifeboatError `refused`
 */
export function refuseTaken(planned: readonly PlannedFile[], there: ReadonlySet<string>): void {
  const leaving = new Set(planned.flatMap(({ path, renamedTo }) => (renamedTo === undefined ? [] : [path])));
  const taken = planned.find(
    ({ renamedTo }) => renamedTo !== undefined && there.has(renamedTo) && !leaving.has(renamedTo),
  );
  if (taken === undefined) return;
  throw new LifeboatError(
    'refused',
    printable(`${taken.path} is to become ${taken.renamedTo}, and there is another file of that name`),
    { hint: 'Look which of the two is of use, and move the other one away.' },
  );
}

/** Systems whose tools no test of lifeboat has read the result with. */
const untested = /^\/etc\/(?:sysconfig|wicked|connman|dhcpcd)/;

const unverified = (planned: readonly PlannedFile[]): string[] =>
  planned
    .filter(({ path }) => untested.test(path))
    .map(({ path }) => `unverified: ${path} is of a system that this was never tried with`);

/** A pattern of netplan stands for itself: no name can be put beside it. */
function patternNotes(files: ReadonlyMap<string, string>, names: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, content]) => {
    if (!path.startsWith('/etc/netplan/')) return [];
    if (!isYaml(content)) return [`${path} is no YAML: addresses of cards in it are as they were`];
    const patterns = [...content.matchAll(/^\s*name:\s*["']?([^\s"'#]+)/gm)].flatMap(([, pattern]) => pattern ?? []);
    return patterns.flatMap((pattern) =>
      [...names].flatMap(([old, now]) =>
        fits(pattern, old) === true && fits(pattern, now) === false
          ? [`${path}: ${pattern} fitted ${old} and does not fit ${now}`]
          : [],
      ),
    );
  });
}
