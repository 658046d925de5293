/** Makes the plan of how a captured network comes to the links that are there. */
import { LifeboatError } from '../../kernel/errors.ts';
import { printable } from '../../kernel/text.ts';
import { digestOf } from '../../plan/digest.ts';
import { isLasting } from '../diff-links.ts';
import { subjects } from '../subjects.ts';
import type { Link, Network } from '../types.ts';
import { addressText, linkText, routeText, ruleText } from '../words.ts';
import { holdersOf, networkActions } from './actions.ts';
import { unwantedAddresses } from './addresses.ts';
import { cardsOf, idOf, isCard, withAbove } from './cards.ts';
import { type LivePlan, networkPlanFormat, type PlannedCard } from './document.ts';
import { expectedNetwork } from './expected.ts';
import { makerOf } from './makers.ts';
import { cardTitle, type Match, matchCards, type Matching } from './match.ts';
import { nowOf } from './now.ts';
import { lostRoutes, lostServers, unwantedRules } from './rest.ts';

export interface NetworkRequest {
  /** The network as it was captured. */
  readonly wanted: Network;
  /** The network as it is now, with the cards that may be taken. */
  readonly found: Network;
  /** What a person said: names of links that are there, by those that were captured. */
  readonly named?: ReadonlyMap<string, string>;
  /** Names of captured links that are left out, with all that stands on them. */
  readonly exclude?: ReadonlySet<string>;
}

/**
 * For the links of this machine, now. Pure: the same request gives the same plan.
 *
 * @throws LifeboatError `refused` for a card without one to take its place, `unsupported` that names all that cannot be made
 */
export function planLive(request: NetworkRequest): LivePlan {
  const { wanted, found, exclude = new Set() } = request;
  const matches = matched(request);
  const before = withoutFiles(found);
  const { network, notes } = expectedNetwork(wanted, found, matches, exclude);
  const cards = matches.map((match) => plannedCard(match, match.from.name));
  refuseUnknown(network, cards);
  refuseTwins(before, cards);
  const now = nowOf(before, network, cards);
  const scene = { before, network, now, named: (name: string) => name };
  return {
    format: networkPlanFormat,
    outcome: 'live',
    cards,
    untouched: now.untouched.filter(({ kind }) => kind !== 'loopback').map(linkText),
    of: networkDigest(wanted),
    notes: [...notes],
    before,
    network,
    loses: [
      ...now.removed.map((link) => ({ link: link.name, what: `it is taken away: ${withAddresses(link)}` })),
      ...[...now.renamed]
        .filter(([link]) => !cards.some((card) => card.now === link))
        .map(([link, name]) => ({
          link,
          what: `its name: it is called ${name} then; routes over it, and its addresses of IPv6, go with it`,
        })),
      ...[...now.renamed].flatMap(([from, name]) =>
        holdersOf(before, name)
          .filter((link) => link.name !== from)
          .map((link) => ({ link: link.name, what: `its other name ${name}` })),
      ),
      ...network.links.flatMap((link) => {
        const old = now.of(link.name);
        const gone = unwantedAddresses(link, old).map((address) => ({
          link: old?.name ?? link.name,
          what: addressText(address),
        }));
        const master =
          old?.master !== undefined && link.master !== old.master
            ? [{ link: old.name, what: `its place in ${old.master}` }]
            : [];
        return [...master, ...gone];
      }),
      ...lostRoutes(scene).map((route) => ({ link: route.dev ?? '', what: `the route ${routeText(route)}` })),
      ...unwantedRules(before, network).map((rule) => ({ link: '', what: `the rule ${ruleText(rule)}` })),
      ...lostServers(before, network).map((server) => ({ link: '', what: `the name server ${server}` })),
    ],
    actions: networkActions(before, network, cards),
  };
}

const withAddresses = (link: Link): string => [linkText(link), ...link.addresses.map(addressText)].join('  ');

/** What a network is made from: the same for every plan for it. */
export const networkDigest = (wanted: Network): string => digestOf({ ...wanted, capturedAt: null, gaps: null });

/**
 * A card for each that something is on.
 *
 * @throws LifeboatError `refused` where there is none
 */
export function matched(request: NetworkRequest): readonly Match[] {
  const { matches, unmatched } = matching(request);
  const [first] = unmatched;
  if (first === undefined) return matches;
  throw new LifeboatError(
    'refused',
    printable(`no card here takes the place of: ${unmatched.map(cardTitle).join('; ')}`),
    {
      hint: printable(
        `Name one with --map ${first.name}=NAME, or leave it out, with all that stands on it, with --exclude ${first.name}.`,
      ),
    },
  );
}

/** Names of captured links that cannot be had here: cards that none takes the place of, and what nobody knows how to make. */
export function impossibleLinks(request: NetworkRequest): ReadonlySet<string> {
  const { matches, unmatched } = matching(request);
  const missing = unmatched.map(({ name }) => name);
  const left = new Set([...(request.exclude ?? []), ...missing]);
  const { network } = expectedNetwork(request.wanted, request.found, matches, left);
  const taken = new Set(matches.map(({ from }) => from.name));
  const unknown = network.links.filter((link) => linkProblem(link, taken) !== undefined);
  return new Set([...missing, ...unknown.map(({ name }) => name)]);
}

function matching({ wanted, found, named = new Map(), exclude = new Set() }: NetworkRequest): Matching {
  for (const network of [wanted, found]) refuseUnseen(network);
  const gone = withAbove(exclude, wanted.links);
  const old = wanted.links.filter(({ name }) => named.has(name) && !gone.has(name));
  const there = found.links.filter(({ name }) => [...named.values()].includes(name));
  const cards = cardsOf(wanted).filter(
    (card) => !gone.has(card.name) && (carries(card, wanted) || named.has(card.name)),
  );
  return matchCards([...new Set([...cards, ...old])], [...new Set([...cardsOf(found), ...there])], named);
}

function refuseUnseen({ gaps, capturedAt }: Network): void {
  const gap = gaps.find(({ subject }) => subject === subjects.links);
  if (gap === undefined) return;
  throw new LifeboatError('refused', printable(`the capture of ${capturedAt} knows no links: ${gap.problem}`), {
    hint: gap.hint ?? 'Capture the network again.',
  });
}

/** A card that is plugged in and not used needs no other. */
function carries({ name, addresses, master }: Link, { links, routes }: Network): boolean {
  const isUsed = addresses.some((address) => isLasting(address) || address.scope === 'global') || master !== undefined;
  return (
    isUsed ||
    links.some(({ lower = [] }) => lower.includes(name)) ||
    routes.some(({ dev, protocol }) => dev === name && protocol !== 'kernel')
  );
}

export function plannedCard({ from, to, certainty, score, reasons }: Match, name: string): PlannedCard {
  return {
    id: idOf(to),
    now: to.name,
    name,
    from: idOf(from),
    was: from.name,
    certainty,
    score,
    reasons: [...reasons],
  };
}

/** What configures the network is not what it is now. */
const withoutFiles = ({
  files: _files,
  firewall: _firewall,
  systems: _systems,
  hosts: _hosts,
  ...rest
}: Network): Network => rest;

/** What cannot be made as it was is told before anything is touched. */
function refuseUnknown({ links }: Network, cards: readonly PlannedCard[]): void {
  const taken = new Set(cards.map(({ name }) => name));
  const problems = links.flatMap((link) => {
    const why = linkProblem(link, taken);
    return why === undefined ? [] : [`${linkText(link)}: ${why}`];
  });
  if (problems.length === 0) return;
  throw new LifeboatError('unsupported', printable(`cannot be made as it was: ${problems.join('; ')}`), {
    hint: 'Leave out what is named with --exclude NAME, and make it by hand afterwards.',
  });
}

/** @param taken names of cards */
function linkProblem(link: Link, taken: ReadonlySet<string>): string | undefined {
  return nameProblem(link.name) ?? (taken.has(link.name) ? undefined : kindProblem(link));
}

function kindProblem(link: Link): string | undefined {
  if (isCard(link) || link.kind === 'loopback') return undefined;
  const found = makerOf(link);
  return found === undefined ? `of the kind ${link.kind}, which cannot be made yet` : found.problem(link);
}

/** As `dev_valid_name` of the kernel. */
function nameProblem(name: string): string | undefined {
  if (!name.isWellFormed()) return 'its name cannot be said to a program';
  const isValid = !/[\s/:]/.test(name) && name !== '.' && name !== '..' && Buffer.byteLength(name) < 16;
  return isValid ? undefined : 'the kernel lets no link have this name';
}

/** In commands cards stand by what they are known by: each has to be the only one. */
function refuseTwins({ links }: Network, cards: readonly PlannedCard[]): void {
  const [twin] = cards.filter(({ id }) => links.filter((link) => idOf(link) === id).length > 1);
  if (twin === undefined) return;
  const names = links.filter((link) => idOf(link) === twin.id).map(({ name }) => name);
  throw new LifeboatError('refused', printable(`${names.join(' and ')} have the same MAC of their own, ${twin.id}`), {
    hint: printable(
      `Lifeboat cannot tell them apart: leave them out with --exclude ${twin.was}, and set them up by hand.`,
    ),
  });
}
