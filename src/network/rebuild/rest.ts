/** Routes, rules, neighbours, settings of the kernel and name servers. */
import type { Action, Command } from '../../plan/action.ts';
import { same } from '../compare.ts';
import { isConfigured } from '../diff.ts';
import { subjects } from '../subjects.ts';
import { linkSettings } from '../sysctl-defaults.ts';
import type { Network, Route, Rule, Sysctl } from '../types.ts';
import { neighbourText, routeTarget, routeText, ruleText } from '../words.ts';
import { linkOfKey } from './expected.ts';
import { attempt, command } from './makers/maker.ts';
import { familyWord, neighbourWords, routeKeyWords, routeWords } from './routes.ts';
import { ruleWords, unsaidOf } from './rules.ts';
import { act, isGiven, resource, type Scene } from './scene.ts';

/** What routes need is done by then: addresses are no longer being tried. */
export const readyForRoutes = 'routes';

const late = (action: Action): Action => ({ ...action, writes: [resource, readyForRoutes] });

/** New names of what is there, for what is compared by its text. */
function withNewNames(scene: Scene): (name: string) => string {
  const names = new Map(
    scene.network.links.flatMap(({ name }): [string, string][] => {
      const found = scene.now.of(name);
      return found === undefined ? [] : [[found.name, name]];
    }),
  );
  return (name) => names.get(name) ?? name;
}

const devOf = <T extends { readonly dev?: string }>(item: T, to: (name: string) => string): T =>
  item.dev === undefined ? item : { ...item, dev: to(item.dev) };

/** A route that is there, by the names that its links will have. */
const routeThen = (route: Route, to: (name: string) => string): Route => ({
  ...devOf(route, to),
  ...(route.nextHops === undefined ? {} : { nextHops: route.nextHops.map((hop) => devOf(hop, to)) }),
});

const devsOf = ({ dev, nextHops = [] }: Route): readonly string[] =>
  [dev, ...nextHops.map((hop) => hop.dev)].flatMap((name) => name ?? []);

/** By gateways only what is reached already; a rule of thumb that IPv6 needs for gateways that are no neighbours, too. */
const rank = ({ gateway, nextHops = [], destination }: Route): number =>
  gateway === undefined && nextHops.length === 0 ? 0 : destination === 'default' ? 2 : 1;

export function routeActions(scene: Scene): Action[] {
  const { network, now, named } = scene;
  const isOff = (route: Route): boolean => devsOf(route).some((name) => now.isOff(name));
  const there = new Set(
    presentRoutes(scene)
      .filter((route) => !isOff(route))
      .map(textOf),
  );
  const unwanted = unwantedRoutes(scene).map((route) =>
    act(`drop route ${textOf(route)}`, `take away the route ${routeText(route)}`, devsOf(route)[0] ?? 'routes', [
      attempt('ip', familyWord(route), 'route', 'delete', ...routeKeyWords(route, named)),
    ]),
  );
  const missing = network.routes
    .filter((route) => !there.has(textOf(route)))
    .toSorted((one, other) => rank(one) - rank(other))
    .map((route) =>
      late(
        act(`route ${textOf(route)}`, `add the route ${routeText(route)}`, devsOf(route)[0] ?? 'routes', [
          command('ip', familyWord(route), 'route', 'replace', ...routeWords(route, named)),
        ]),
      ),
    );
  return [...unwanted, ...missing];
}

const textOf = (route: Route): string => `${route.family} ${routeText(route)}`;

function presentRoutes(scene: Scene): readonly Route[] {
  const to = withNewNames(scene);
  return scene.before.routes.map((route) => routeThen(route, to));
}

/** On links of the plan, and of no link: routes that somebody made, and such as came by DHCP to what has none of it, that were not captured. */
export function lostRoutes({ network, ...scene }: Scene): readonly Route[] {
  const wanted = new Set(network.routes.map(textOf));
  const links = new Map(network.links.map((link) => [link.name, link]));
  const gaps = new Set(network.gaps.map(({ subject }) => subject));
  return presentRoutes({ network, ...scene }).filter((route) => {
    if (gaps.has(subjects.routes[route.family])) return false;
    const own = devsOf(route).map((name) => links.get(name));
    // What nobody could bring back stays.
    if (wanted.has(textOf(route)) || own.includes(undefined) || route.encap !== undefined) return false;
    return isLearned(route) ? !own.some((link) => link !== undefined && isGiven(link)) : isConfigured(route);
  });
}

const isLearned = ({ protocol }: Route): boolean => protocol === 'dhcp' || protocol === 'ra';

/** Of these, those in whose place no other comes. */
function unwantedRoutes(scene: Scene): readonly Route[] {
  const targetOf = (route: Route): string => `${route.family} ${routeTarget(route)}`;
  const targets = new Set(scene.network.routes.map(targetOf));
  return lostRoutes(scene).filter((route) => isLearned(route) || !targets.has(targetOf(route)));
}

export function ruleActions({ before, network, named }: Scene): Action[] {
  if (network.rules === undefined || before.rules === undefined) return [];
  const there = new Set(before.rules.map(keyOf));
  return [
    ...unwantedRules(before, network).map((rule) =>
      act(`drop rule ${keyOf(rule)}`, `take away the rule ${ruleText(rule)}`, 'rules', [
        attempt('ip', familyWord(rule), 'rule', 'delete', ...ruleWords(rule, named)),
      ]),
    ),
    ...network.rules
      .filter((rule) => !there.has(keyOf(rule)))
      .map((rule) =>
        late(
          act(`rule ${keyOf(rule)}`, `add the rule ${ruleText(rule)}`, 'rules', [
            // The same may be there twice.
            attempt('ip', familyWord(rule), 'rule', 'delete', ...ruleWords(rule, named)),
            command('ip', familyWord(rule), 'rule', 'add', ...ruleWords(rule, named)),
          ]),
        ),
      ),
  ];
}

const keyOf = (rule: Rule): string => `${rule.family} ${ruleText(rule)}`;

export function unwantedRules(before: Network, network: Network): readonly Rule[] {
  const wanted = new Set(network.rules?.map(keyOf));
  const there = network.rules === undefined ? [] : (before.rules ?? []);
  const gaps = new Set(network.gaps.map(({ subject }) => subject));
  return there.filter(
    (rule) => !wanted.has(keyOf(rule)) && unsaidOf(rule).length === 0 && !gaps.has(subjects.rules[rule.family]),
  );
}

export function neighbourActions(scene: Scene): Action[] {
  const { before, network, now, named } = scene;
  const to = withNewNames(scene);
  const there = new Set((before.neighbours ?? []).map((one) => neighbourText(devOf(one, to))));
  const missing = (network.neighbours ?? []).filter(
    (one) => !there.has(neighbourText(one)) || (one.dev !== undefined && now.isOff(one.dev)),
  );
  return missing.map((one) =>
    act(`neighbour ${neighbourText(one)}`, `add the neighbour ${neighbourText(one)}`, one.dev ?? 'neighbours', [
      command('ip', 'neighbour', 'replace', ...neighbourWords(one, named)),
    ]),
  );
}

/** Those of all links first, as new ones get theirs from them; then, when these are there, those of single links. */
export function sysctlActions(scene: Scene, which: 'all' | 'links'): Action[] {
  const found = valuesOf(scene.before.sysctls);
  const wanted = valuesOf(scene.network.sysctls);
  const settings = which === 'links' ? ofLinks(scene, found, wanted) : ofAll(found, wanted);
  if (settings.length === 0) return [];
  return [
    act(
      `sysctl ${which}`,
      `set ${settings.map(([key, value]) => `${key} = ${value}`).join(', ')}`,
      'sysctl',
      settings.map(([key, value]) => tolerant(key, value)),
    ),
  ];
}

/** A kernel without one of them, or that does not let it be changed, is told at the end. */
const tolerant = (key: string, value: string): Command => ({
  argv: ['sysctl', '-q', '-e', '-w', `${key}=${value}`],
  okCodes: [0, 1, 255],
});

type Values = ReadonlyMap<string, Sysctl>;
type Setting = readonly [key: string, value: string];

const valuesOf = (sysctls: readonly Sysctl[] = []): Values => new Map(sysctls.map((one) => [one.key, one]));

function ofAll(found: Values, wanted: Values): Setting[] {
  const isOfAll = (key: string): boolean => key.startsWith('net.') && linkOfKey(key) === undefined;
  const missing = [...wanted].flatMap(([key, { value, default: usual }]): Setting[] =>
    isOfAll(key) && value !== undefined && value !== (found.get(key)?.value ?? usual) ? [[key, value]] : [],
  );
  const unwanted = [...found].flatMap(([key, { value, default: usual }]): Setting[] =>
    isOfAll(key) && !wanted.has(key) && usual !== undefined && value !== usual ? [[key, usual]] : [],
  );
  return [...missing, ...unwanted].toSorted(([one], [other]) => order(one) - order(other));
}

/** Forwarding resets what else is set, and what is set for all links is given to each. */
const order = (key: string): number =>
  key === 'net.ipv4.ip_forward' ? 0 : /\.conf\.(all|default)\./.test(key) ? 1 : 2;

/** What is not recorded of a link is as new links have it: of a card that was there before, that may be another value now. */
function ofLinks({ network, now }: Scene, found: Values, wanted: Values): Setting[] {
  return network.links
    .filter(({ kind }) => kind !== 'loopback')
    .flatMap(({ name }) =>
      linkSettings.flatMap(([family, setting]): Setting[] => {
        const key = (link: string): string => `net.${family}.conf.${link.replaceAll('.', '/')}.${setting}`;
        const valueOf = (values: Values, link: string): string | undefined =>
          values.get(key(link))?.value ?? values.get(key('default'))?.value;
        const old = now.of(name);
        const value = valueOf(wanted, name);
        const current = old === undefined ? valueOf(wanted, 'default') : valueOf(found, old.name);
        const usual = wanted.get(key(name))?.default ?? found.get(key(old?.name ?? name))?.default;
        const then = value ?? usual;
        return then === undefined || then === (current ?? usual) ? [] : [[key(name), then]];
      }),
    );
}

export const lostServers = (before: Network, network: Network): readonly string[] =>
  before.dns.servers.filter((server) => !network.dns.servers.includes(server));

export function dnsActions({ before, network }: Scene): Action[] {
  const { servers, search, options = [] } = network.dns;
  if (same(before.dns, network.dns)) return [];
  const content = [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
  return [
    act('names', `ask ${servers.join(', ') || 'no server'} for names`, 'dns', [
      { argv: ['tee', '--', '/etc/resolv.conf'], stdin: content.map((line) => `${line}\n`).join('') },
    ]),
  ];
}
