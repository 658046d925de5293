/** Policy rules as words of `ip rule`. */
import type { Word } from '../../plan/action.ts';
import type { Rule } from '../types.ts';
import type { Named } from './makers/maker.ts';

type More = NonNullable<Rule['more']>;
type Value = More[string] | undefined;

const textOf = (value: Value): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** By the names that `ip -j` has for them; those with an end have a partner. */
const sayings: Readonly<Record<string, (value: Value, more: More) => readonly string[]>> = {
  tos: (value) => ['tos', textOf(value)],
  ipproto: (value) => ['ipproto', textOf(value).replace(/^ipproto-/, '')],
  sport: (value) => ['sport', textOf(value)],
  dport: (value) => ['dport', textOf(value)],
  sport_start: (value, more) => ['sport', `${textOf(value)}-${textOf(more['sport_end'])}`],
  dport_start: (value, more) => ['dport', `${textOf(value)}-${textOf(more['dport_end'])}`],
  sport_end: () => [],
  dport_end: () => [],
  uid_start: (value, more) => ['uidrange', `${textOf(value)}-${textOf(more['uid_end'])}`],
  uid_end: () => [],
  l3mdev: () => ['l3mdev'],
  tun_id: (value) => ['tun_id', textOf(value)],
  suppress_prefixlen: (value) => ['suppress_prefixlength', textOf(value)],
  suppress_ifgroup: (value) => ['suppress_ifgroup', textOf(value)],
  protocol: (value) => ['protocol', textOf(value)],
};

/** What it selects by that nobody here knows how to say. */
export const unsaidOf = ({ more = {} }: Rule): readonly string[] =>
  Object.keys(more).filter((key) => !Object.hasOwn(sayings, key) && key !== 'goto' && key !== 'nop');

export function ruleWords(
  { priority, not, from, to, incoming, outgoing, mark, table, action, more = {} }: Rule,
  named: Named,
): Word[] {
  return [
    ...(not === true ? ['not'] : []),
    'from',
    from ?? 'all',
    ...(to === undefined ? [] : ['to', to]),
    ...(incoming === undefined ? [] : ['iif', named(incoming)]),
    ...(outgoing === undefined ? [] : ['oif', named(outgoing)]),
    ...(mark === undefined ? [] : ['fwmark', mark]),
    ...Object.entries(more).flatMap(([key, value]) => sayings[key]?.(value, more) ?? []),
    'priority',
    String(priority),
    ...(table === undefined ? [] : ['lookup', table]),
    ...(action === undefined ? [] : [action]),
    ...('goto' in more ? ['goto', textOf(more['goto'])] : []),
    ...('nop' in more ? ['nop'] : []),
  ];
}
