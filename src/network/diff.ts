/** What has changed between two captures of the network. */
import { addressText, linkText, routeText } from './text.ts';
import type { Link, Network, Route } from './types.ts';

export interface NetworkChange {
  readonly subject: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** For a person; may hold raw names, so print it through `printable`. */
  readonly text: string;
}

/**
 * Links are known by name, routes by what they lead to. Not compared: the index and momentary state of a link, dynamic
 * addresses, and the routes that follow from an address by themselves (those of the kernel).
 */
export function networkChanges(before: Network, after: Network): NetworkChange[] {
  return [
    ...(before.hostname === after.hostname
      ? []
      : [changed('hostname', `hostname was ${before.hostname}, is ${after.hostname}`)]),
    ...linkChanges(before.links, after.links),
    ...setChanges('route', before.routes.filter(configured), after.routes.filter(configured), routeText),
    ...orderedChanges('name servers', before.dns.servers, after.dns.servers),
    ...orderedChanges('search domains', before.dns.search, after.dns.search),
  ];
}

function configured({ protocol, table }: Route): boolean {
  return table !== 'local' && protocol !== 'kernel' && protocol !== 'ra' && protocol !== 'redirect';
}

function changed(subject: string, text: string): NetworkChange {
  return { subject, change: 'changed', text };
}

function linkChanges(before: readonly Link[], after: readonly Link[]): NetworkChange[] {
  const old = new Map(before.map((link) => [link.name, link]));
  const now = new Map(after.map((link) => [link.name, link]));
  const changes: NetworkChange[] = [];
  for (const [name, link] of old) {
    if (!now.has(name)) changes.push({ subject: name, change: 'removed', text: `removed: ${linkText(link)}` });
  }
  for (const [name, link] of now) {
    const was = old.get(name);
    if (was === undefined) {
      changes.push({ subject: name, change: 'added', text: `added: ${linkText(link)}` });
      continue;
    }
    for (const key of ['kind', 'mac', 'permanentMac', 'mtu'] as const) {
      if (was[key] !== link[key]) {
        changes.push(
          changed(name, `link ${name}: ${key} was ${was[key] ?? 'not there'}, is ${link[key] ?? 'not there'}`),
        );
      }
    }
    const lasting = ({ addresses }: Link) => addresses.filter(({ dynamic }) => !dynamic);
    changes.push(...setChanges(`link ${name}: address`, lasting(was), lasting(link), addressText));
  }
  return changes;
}

function setChanges<T>(
  subject: string,
  before: readonly T[],
  after: readonly T[],
  text: (item: T) => string,
): NetworkChange[] {
  const old = new Set(before.map(text));
  const now = new Set(after.map(text));
  return [
    ...[...old.difference(now)].map((item) => ({
      subject,
      change: 'removed' as const,
      text: `removed: ${subject} ${item}`,
    })),
    ...[...now.difference(old)].map((item) => ({
      subject,
      change: 'added' as const,
      text: `added: ${subject} ${item}`,
    })),
  ];
}

function orderedChanges(subject: string, before: readonly string[], after: readonly string[]): NetworkChange[] {
  const words = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(' '));
  return JSON.stringify(before) === JSON.stringify(after)
    ? []
    : [changed(subject, `${subject} were ${words(before)}, are ${words(after)}`)];
}
