/** A network in words, for a person. */
import { gapLines } from '../host/gap.ts';
import { printable } from '../kernel/text.ts';
import { isOnTheFly } from './on-the-fly.ts';
import type { Link, Network, Rule } from './types.ts';
import { addressText, linkNotes, linkText, neighbourText, routeText, ruleText } from './words.ts';

const maxRoutes = 50;
const maxRules = 60;

/**
 * For a terminal. Left out are routes that the kernel makes by itself for local addresses, and the rules it starts with;
 * links of containers are named in one line. The whole is in the document.
 */
export function networkText(network: Network): string {
  const { hostname, links, dns, hosts = [], neighbours = [], namespaces = [] } = network;
  const made = new Set(
    links.filter((link) => isOnTheFly(link) && !link.addresses.some(({ scope }) => scope === 'global')),
  );
  const routes = network.routes
    .filter(({ table, protocol }) => table !== 'local' && protocol !== 'kernel')
    .map(routeText);
  const rules = (network.rules ?? []).filter((rule) => !isInitial(rule)).map(ruleText);
  const lines = [
    `host ${hostname}`,
    ...links.filter((link) => !made.has(link)).flatMap(linkLines),
    ...(made.size === 0
      ? []
      : [`made by containers and other programs: ${[...made].map(({ name }) => name).join(' ')}`]),
    ...section('routes', routes, maxRoutes),
    ...section('policy rules', rules, maxRoutes),
    ...section('static neighbours', neighbours.map(neighbourText), maxRoutes),
    ...section('other network namespaces (not captured)', namespaces, maxRoutes),
    `name servers  ${list(dns.servers)}`,
    `search domains  ${list(dns.search)}`,
    ...section(
      'hosts file',
      hosts.map(({ address, names }) => `${address}  ${names.join(' ')}`),
      maxRoutes,
    ),
    ...configurationLines(network),
  ];
  return [...lines.map(printable), ...gapLines(network.gaps)].map((line) => `${line}\n`).join('');
}

const list = (items: readonly string[]): string => (items.length === 0 ? 'none' : items.join(' '));

function section(title: string, items: readonly string[], most: number): string[] {
  if (items.length === 0) return [];
  const more = items.length > most ? [`   … and ${items.length - most} more`] : [];
  return [title, ...items.slice(0, most).map((item) => `   ${item}`), ...more];
}

function linkLines(link: Link): string[] {
  return [linkText(link), ...[...link.addresses.map(addressText), ...linkNotes(link)].map((line) => `   ${line}`)];
}

/** Those that look up the tables `local`, `main` and `default` for everything. */
function isInitial(rule: Rule): boolean {
  const { family: _, priority, table, ...rest } = rule;
  return Object.keys(rest).length === 0 && [0, 32766, 32767].includes(priority) && table !== undefined;
}

const ruleLines = (rules: string): string[] =>
  rules.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.replaceAll('\t', '   ')]));

function configurationLines({ systems, files = [], firewall = [], sysctls = [] }: Network): string[] {
  const inCharge = (systems ?? []).map(
    ({ name, reason, renders }) =>
      `${name}  (${reason})${renders === undefined ? '' : `  carried out by ${renders.join(', ')}`}`,
  );
  const settings = sysctls.map(({ key, value, default: usual, configured, file }) => {
    const origin =
      configured === undefined ? undefined : `${configured === value ? 'set' : `set to ${configured}`} in ${file}`;
    const notes = [usual === undefined || usual === value ? undefined : `default ${usual}`, origin].filter(
      (note) => note !== undefined,
    );
    return `${key} = ${value ?? '(not there)'}${notes.length === 0 ? '' : `  (${notes.join('; ')})`}`;
  });
  return [
    ...(systems === undefined
      ? []
      : inCharge.length === 0
        ? ['configured by  nothing known']
        : section('configured by', inCharge, maxRoutes)),
    ...section(
      'files of configuration',
      files.map(({ path, redacted }) => (redacted === true ? `${path}  (without its secrets)` : path)),
      maxRoutes,
    ),
    ...firewall.flatMap(({ kind, rules }) => section(`firewall, ${kind}`, ruleLines(rules), maxRules)),
    ...section('sysctl settings of its own', settings, maxRoutes),
  ];
}
