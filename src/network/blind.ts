/** Answers that are empty where they cannot be: what was not said is not gone. */
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { namespacesArgv, neighboursArgv } from './neighbours.ts';
import { routesArgv } from './routes.ts';
import { rulesArgv } from './rules.ts';
import { subjects } from './subjects.ts';
import type { Link, Neighbour, Route, Rule } from './types.ts';

interface Answers {
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  readonly neighbours: readonly Neighbour[];
  readonly namespaces: readonly string[];
}

/**
 * A gap for each answer about a family of addresses that says nothing, although something must be there. A link that is up has local
 * routes for its addresses, and in a host whose links were not seen lo has them. Rules of IPv4 are always there; those of IPv6 where
 * there is IPv6 at all, which can be switched off.
 */
export function emptyAnswers(asker: Asker, answers: Answers): void {
  const { links, routes, rules } = answers;
  const told = new Set(asker.gaps.map(({ subject }) => subject));
  const gap = (subject: string, [program, ...args]: Argv): void => {
    if (told.has(subject)) return;
    asker.gap({
      subject,
      problem: `${program} said that there are none, which is not believed`,
      hint: `Look at what this says: ${[program, ...args.filter((arg) => arg !== '-j')].join(' ')}`,
    });
  };
  const blind = links.length === 0;
  for (const family of ['inet', 'inet6'] as const) {
    const of = (item: { readonly family: string }): boolean => item.family === family;
    const routed = links.some(
      ({ enabled, state, addresses }) => enabled === true && !state.endsWith('down') && addresses.some(of),
    );
    const used = family === 'inet' || links.some(({ addresses }) => addresses.some(of)) || routes.some(of);
    if (!routes.some(of) && (blind || routed)) gap(subjects.routes[family], routesArgv(family));
    if (!rules.some(of) && (blind || used)) gap(subjects.rules[family], rulesArgv(family));
  }
  // Usually there are none; but who says nothing of links is not believed in the rest.
  if (blind && answers.neighbours.length === 0) gap(subjects.neighbours, neighboursArgv);
  if (blind && answers.namespaces.length === 0) gap(subjects.namespaces, namespacesArgv);
}
