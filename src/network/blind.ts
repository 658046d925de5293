/** Answers that are empty where they cannot be: what was not said is not gone. */
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { routesArgv } from './routes.ts';
import { rulesArgv } from './rules.ts';
import { subjects } from './subjects.ts';
import type { Link, Route, Rule } from './types.ts';

interface Answers {
  readonly links: readonly Link[];
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
}

/**
 * A gap for each answer about a family of addresses that says nothing, although something must be there. A link that is up has local
 * routes for its addresses, and in a host whose links were not seen lo has them. Rules of IPv4 are always there; those of IPv6 where
 * there is IPv6 at all, which can be switched off.
 */
export function emptyAnswers(asker: Asker, { links, routes, rules }: Answers): void {
  const told = new Set(asker.gaps.map(({ subject }) => subject));
  const gap = (subject: string, [program, ...args]: Argv): void => {
    if (told.has(subject)) return;
    asker.gap({
      subject,
      problem: `${program} said that there are none, which cannot be`,
      hint: `Look at what this says: ${[program, ...args.filter((arg) => arg !== '-j')].join(' ')}`,
    });
  };
  for (const family of ['inet', 'inet6'] as const) {
    const of = (item: { readonly family: string }): boolean => item.family === family;
    const routed = links.some(
      ({ enabled, state, addresses }) => enabled === true && !state.endsWith('down') && addresses.some(of),
    );
    const used = family === 'inet' || links.some(({ addresses }) => addresses.some(of)) || routes.some(of);
    const blind = links.length === 0;
    if (!routes.some(of) && (blind || routed)) gap(subjects.routes[family], routesArgv(family));
    if (!rules.some(of) && (blind || used)) gap(subjects.rules[family], rulesArgv(family));
  }
}
