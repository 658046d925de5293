/** Changes of what configures the network: systems, files, firewall, settings of the kernel. */
import type { Change } from '../kernel/change.ts';
import { changed, type Item, listChanges, type Unseen } from './compare.ts';
import { firewallChanges } from './diff-firewall.ts';
import { isConfig } from './places.ts';
import { subjects } from './subjects.ts';
import type { ConfigFile, Network, Sysctl } from './types.ts';

export function configurationChanges(
  before: Network,
  after: Network,
  unseen: Unseen,
  follows: (link: string) => boolean,
): Change[] {
  if (unseen(subjects.files)) return [];
  return [
    ...systemChanges(before, after, unseen),
    ...fileChanges(before.files, after.files, unseen),
    ...firewallChanges(before.firewall, after.firewall, unseen),
    ...(unseen(subjects.sysctls) ? [] : sysctlChanges(before.sysctls, after.sysctls, unseen, follows)),
  ];
}

function systemChanges(before: Network, after: Network, unseen: Unseen): Change[] {
  const { systems: old } = before;
  const { systems: now } = after;
  if (old === undefined || now === undefined || unseen(subjects.units)) return [];
  // Where files decide, one that could not be read may be what put a system in charge.
  if ([...before.gaps, ...after.gaps].some(({ subject }) => isConfig(subject))) return [];
  // Why it is in charge may change while it is: a service that is restarted.
  const items = (systems: typeof now): Item[] =>
    systems.map(({ name, renders }) => ({
      target: name,
      text: renders === undefined ? name : `${name} (carried out by ${renders.join(', ')})`,
      risk: 'recovery',
    }));
  return listChanges('configuration system', items(old), items(now));
}

/** Files that decide how the host is reached. */
const decisive =
  /^\/etc\/(?:network|NetworkManager\/system-connections|systemd\/network|netplan|sysconfig\/network|wicked|wireguard|wpa_supplicant|teamd|connman|dhcp|iproute2|udev)(?:\/|$|-scripts\/)|^\/etc\/dhcpcd\.conf$/;

function fileChanges(
  old: readonly ConfigFile[] | undefined,
  now: readonly ConfigFile[] | undefined,
  unseen: Unseen,
): Change[] {
  if (old === undefined || now === undefined) return [];
  const before = new Map(old.map((file) => [file.path, file]));
  const after = new Map(now.map((file) => [file.path, file]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((path): Change[] => {
    if (unseen(path) || parentsOf(path).some(unseen)) return [];
    const [was, is] = [before.get(path), after.get(path)];
    const subject = `file ${path}`;
    const risk = decisive.test(path) ? 'recovery' : 'appearance';
    if (was === undefined) return [{ subject, change: 'added', risk, text: `added: ${subject}` }];
    if (is === undefined) return [{ subject, change: 'removed', risk, text: `removed: ${subject}` }];
    if (was.digest === is.digest || was.digest === undefined || is.digest === undefined) return [];
    return [changed(subject, 'content', risk, `${subject} has changed${linesChanged(was.content, is.content)}`)];
  });
}

/** A directory that could not be read hides what is in it. */
function parentsOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(2).map((_, index) => parts.slice(0, index + 2).join('/'));
}

function linesChanged(was: string | undefined, is: string | undefined): string {
  if (was === undefined || is === undefined) return '';
  const [old, now] = [new Set(was.split('\n')), new Set(is.split('\n'))];
  return `: ${old.difference(now).size} lines gone, ${now.difference(old).size} new`;
}

/**
 * By the values that the kernel has. One that is recorded on one side alone is as usual on the other; where nobody knows the usual, there is
 * nothing to compare.
 */
function sysctlChanges(
  old: readonly Sysctl[] | undefined,
  now: readonly Sysctl[] | undefined,
  unseen: Unseen,
  follows: (link: string) => boolean,
): Change[] {
  if (old === undefined || now === undefined) return [];
  const before = new Map(old.map((item) => [item.key, item]));
  const after = new Map(now.map((item) => [item.key, item]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [was, is] = [before.get(key), after.get(key)];
    const [, link] = /^net\.ipv[46]\.conf\.(.+)\.[^.]+$/.exec(key) ?? [];
    const value = was === undefined ? is?.default : was.value;
    const current = is === undefined ? was?.default : is.value;
    if (value === undefined || current === undefined || value === current) return [];
    // Those of a link are asked for where the link was seen.
    const oneSided = was === undefined || is === undefined;
    if (oneSided && unseen(subjects.links) && link !== undefined && link !== 'all' && link !== 'default') return [];
    if (link !== undefined && follows(link.replaceAll('/', '.'))) return [];
    return [changed(`sysctl ${key}`, 'value', 'appearance', `sysctl ${key} was ${value}, is ${current}`)];
  });
}
