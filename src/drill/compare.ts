/** The machine that has booted against the facts that were captured with its point. Pure. */
import type { Facts } from '../facts/types.ts';
import { printable } from '../kernel/text.ts';
import type { Check } from './report.ts';

/** What is worth waiting for: services that start late. */
export function comparedFacts(recorded: Facts, now: Facts, mayFail: readonly string[]): readonly Check[] {
  const forgiven = new Set(mayFail);
  return [...failedUnits(recorded, now, forgiven), ...services(recorded, now, forgiven), ...ports(recorded, now)];
}

function failedUnits({ services: before }: Facts, { services: now }: Facts, forgiven: ReadonlySet<string>): Check[] {
  if (now?.failed === undefined) return before?.failed === undefined ? [] : [unseen('units')];
  const old = new Set(before?.failed ?? []);
  const failed = now.failed.filter((name) => !old.has(name));
  const wrong = failed.filter((name) => !forgiven.has(name));
  const noted = [
    ...(now.failed.length > failed.length ? ['what had failed when it was captured, failed again'] : []),
    ...(failed.length > wrong.length ? ['others may fail in a drill, as the configuration says'] : []),
  ];
  const detail = wrong.length === 0 ? ['no unit failed that had not', ...noted].join('; ') : `failed: ${named(wrong)}`;
  return [{ name: 'units', passed: wrong.length === 0, detail }];
}

function services({ services: before }: Facts, { services: now }: Facts, forgiven: ReadonlySet<string>): Check[] {
  const active = before?.enabled.filter((one) => one.active === 'active') ?? [];
  if (active.length === 0) return [];
  if (now === undefined) return [unseen('services')];
  const states = new Map(now.enabled.map((one) => [one.name, one.active]));
  const missing = active.filter(({ name }) => states.get(name) !== 'active' && !forgiven.has(name));
  const told = missing.map(({ name }) => `${name} is ${states.get(name) ?? 'not enabled'}`);
  const all = `all ${active.length} services that ran when it was captured do`;
  return [{ name: 'services', passed: missing.length === 0, detail: missing.length === 0 ? all : named(told) }];
}

/** Addresses are those of another network here; ports that the kernel chose are others each time. */
function ports({ ports: before }: Facts, { ports: now }: Facts): Check[] {
  if (before === undefined) return [];
  if (now === undefined) return [unseen('ports')];
  const key = ({ protocol, port }: (typeof before)[number]): string => `${protocol} ${port}`;
  const open = new Set(now.map(key));
  const wanted = new Map(before.filter(isServed).map((one) => [key(one), one.process]));
  if (wanted.size === 0) return [];
  const closed = [...wanted].filter(([one]) => !open.has(one));
  const told = closed.map(([one, process]) => (process === undefined ? one : `${one} (${process})`));
  const detail =
    closed.length === 0 ? `somebody listens on ${[...wanted.keys()].join(', ')}` : `nobody listens on ${named(told)}`;
  return [{ name: 'ports', passed: closed.length === 0, detail: printable(detail) }];
}

/** What was recorded and cannot be seen now is no reason to call it well. */
const unseen = (name: string): Check => ({ name, passed: false, detail: 'could not be looked at' });

/** A client of DHCP listens only while it has a server to ask. */
const isServed = ({ ephemeral, protocol, port }: NonNullable<Facts['ports']>[number]): boolean =>
  !ephemeral && !(protocol === 'udp' && (port === 68 || port === 546));

const most = 10;

function named(names: readonly string[]): string {
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return printable(`${names.slice(0, most).join(', ')}${more}`);
}
