/** What the kernel's command line tells the rescue system, as somebody typed it in the menu of the loader. */
import { nearest } from '../kernel/nearest.ts';
import type { ConsentPolicy } from '../layout/rebuild/policy.ts';

export interface RescueWords {
  /** Recover without asking, as far as consent goes. */
  readonly recover: boolean;
  readonly debug: boolean;
  /** Name of a point, or `latest`. */
  readonly point?: string;
  /** URL of the repository, in place of the one that the medium was made with. */
  readonly repository?: string;
  /** All of them have to agree to a plan, besides the policy of the medium: so they can only narrow that. */
  readonly consent: readonly (ConsentPolicy | 'ask')[];
  /** How the network comes up, in place of what was captured. */
  readonly address?: 'dhcp' | StaticAddress;
  /** What is not understood, for a person: nothing is done by guessing. */
  readonly problems: readonly string[];
}

export interface StaticAddress {
  /** With the length of its prefix, of IPv4 or IPv6. */
  readonly address: string;
  readonly gateway?: string;
  /** @default the first card that has a carrier */
  readonly device?: string;
  readonly servers: readonly string[];
}

/** Those that the first stage takes for itself are passed over. */
const known = ['recover', 'debug', 'point', 'repository', 'consent', 'medium', 'wait', 'toram'] as const;

/** @param line content of `/proc/cmdline`. Of a word that comes twice the last one counts, but for consent, of which all do. */
export function parseWords(line: string): RescueWords {
  const words = split(line);
  const problems: string[] = [];
  const values = new Map(words.map(({ name, value }) => [name, value]));
  const flag = (name: string): boolean => {
    const value = values.get(name);
    if (value !== undefined && value !== '') problems.push(`${name} takes no value`);
    return value !== undefined;
  };
  const text = (name: string): string | undefined => {
    const value = values.get(name);
    if (value === '') problems.push(`${name}= without a value`);
    return value === '' ? undefined : value;
  };
  for (const { name } of words) {
    const [, own] = /^lifeboat\.(.*)$/.exec(name) ?? [];
    if (own === undefined || known.some((one) => one === own)) continue;
    const meant = nearest(own, known);
    problems.push(`no word ${name}${meant === undefined ? '' : `; did you mean lifeboat.${meant}?`}`);
  }
  const consent = words.flatMap(({ name, value }) => {
    if (name !== 'lifeboat.consent') return [];
    const policy = consentOf(value);
    if (policy === undefined) problems.push(`lifeboat.consent=${value} is not understood, so everything is asked`);
    return [policy ?? 'ask'];
  });
  const [point, repository] = [text('lifeboat.point'), text('lifeboat.repository')];
  const address = addressOf(values, problems);
  return {
    recover: flag('lifeboat.recover'),
    debug: flag('lifeboat.debug'),
    ...(point === undefined ? {} : { point }),
    ...(repository === undefined ? {} : { repository }),
    consent,
    ...(address === undefined ? {} : { address }),
    problems,
  };
}

/** As the kernel does: blanks within double quotes are part of a value. */
function split(line: string): { name: string; value: string }[] {
  return [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(word.replaceAll('"', '')) ?? [];
    return { name, value };
  });
}

/** `ask`, `blank-disks`, or `serial:S1,serial:S2,slot:pci-…`. */
function consentOf(value: string): ConsentPolicy | 'ask' | undefined {
  if (value === 'ask' || value === 'blank-disks') return value;
  const items = value.split(',').map((item) => /^(serial|slot):(.+)$/.exec(item));
  const named = (kind: string): string[] => items.flatMap((item) => (item?.[1] === kind ? (item[2] ?? []) : []));
  return items.includes(null) ? undefined : { serials: named('serial'), slots: named('slot') };
}

/**
 * `ip=dhcp`; `ip=ADDRESS` with `nm=`, `gw=`, `netdev=` and `dns=`; or what the kernel itself understands,
 * `ip=address::gateway:mask::device:way`. Anything else is DHCP, and told.
 */
function addressOf(values: ReadonlyMap<string, string>, problems: string[]): 'dhcp' | StaticAddress | undefined {
  const [ip, nm] = [values.get('ip'), values.get('nm')];
  if (ip === undefined) return nm === undefined ? undefined : 'dhcp';
  if (/^(dhcp|on|any)$/.test(ip)) return 'dhcp';
  const isKernels = /^[\d.]*:[\d.]*:/.test(ip);
  const [own = '', , gate = '', mask = '', , card = '', way = ''] = isKernels ? ip.split(':') : [ip];
  if (isKernels && /^(dhcp|on|any)$/.test(way)) return 'dhcp';
  const address = withPrefix(own, mask || nm);
  if (address === undefined) {
    problems.push(`ip=${ip} is no address, so DHCP is tried`);
    return 'dhcp';
  }
  const gateway = gate || values.get('gw');
  const device = card || values.get('netdev');
  return {
    address,
    ...(gateway ? { gateway } : {}),
    ...(device ? { device } : {}),
    servers: (values.get('dns') ?? '').split(',').filter((server) => server !== ''),
  };
}

/** @param mask in bits, or as four numbers */
function withPrefix(own: string, mask: string | undefined): string | undefined {
  const [, address = '', bits] = /^([\d.]+|[\da-f]*:[\da-f:.]*)(?:\/(\d{1,3}))?$/i.exec(own) ?? [];
  if (address === '') return undefined;
  const length = bits ?? (mask === undefined || mask === '' ? undefined : lengthOf(mask));
  return `${address}/${length ?? (address.includes(':') ? 64 : 24)}`;
}

function lengthOf(mask: string): string | undefined {
  if (/^\d{1,3}$/.test(mask)) return mask;
  const bits = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) && bits.length === 32
    ? String(bits.indexOf('0') === -1 ? 32 : bits.indexOf('0'))
    : undefined;
}

/** For the menu: what was said, and what of it is not understood. */
export function wordsText({ recover, point, repository, consent, address, problems }: RescueWords): string[] {
  const said = [
    recover ? 'recover' : undefined,
    point === undefined ? undefined : `point ${point}`,
    repository === undefined ? undefined : `repository ${repository}`,
    ...consent.map((one) => `consent ${consentText(one)}`),
    address === undefined ? undefined : `address ${address === 'dhcp' ? 'by DHCP' : address.address}`,
  ].filter((one) => one !== undefined);
  return [
    ...(said.length === 0 ? [] : [`Told by the loader: ${said.join(', ')}`]),
    ...problems.map((problem) => `Of what the loader told: ${problem}`),
  ];
}

const consentText = (policy: ConsentPolicy | 'ask'): string =>
  typeof policy === 'string'
    ? policy
    : [...policy.serials.map((one) => `serial ${one}`), ...policy.slots.map((one) => `slot ${one}`)].join(' or ');
