/** What identifies a card in each format of configuration, and how it is replaced: what sets something is never touched. */
import { isMap, isScalar, parseDocument, visit } from 'yaml';
import type { Identities } from './identities.ts';
import { fits } from './names.ts';

/** A rewriter of whole files; as many lines come out as went in. */
export type Rewrite = (content: string, identities: Identities) => string;

/** Not the end of a word before it: `mac:52:…`. */
const mac = /(?<![\da-z])(?:[\da-f]{2}[:-]){5}[\da-f]{2}(?![:-]?[\da-z])/gi;

/** Addresses in a value, written as the old ones were. */
export function withMacs(value: string, { macs }: Identities): string {
  return value.replace(mac, (old) => {
    const now = macs.get(old.toLowerCase().replaceAll('-', ':'));
    if (now === undefined) return old;
    const signed = old.includes('-') ? now.replaceAll(':', '-') : now;
    return old === old.toUpperCase() && old !== old.toLowerCase() ? signed.toUpperCase() : signed;
  });
}

const words = (value: string, change: (word: string) => readonly string[]): string =>
  value.replace(/[^\s;]+/g, (word) => [...new Set(change(word))].join(' '));

const withPaths = (value: string, { paths }: Identities): string => words(value, (word) => [paths.get(word) ?? word]);

const withDrivers = (value: string, { drivers }: Identities): string =>
  words(value, (word) => drivers.get(word) ?? [word]);

/** Patterns that fitted the old name and do not fit the new one get that beside them. */
function withPatterns(value: string, { names }: Identities, separator: string): string {
  const patterns = value.split(/[\s;]+/).filter((word) => word !== '');
  const missing = [...names].flatMap(([old, now]) => {
    const fitted = patterns.some((pattern) => fits(pattern, old) === true);
    const isThere = patterns.some((pattern) => pattern === now || fits(pattern, now) === true);
    return fitted && !isThere ? [now] : [];
  });
  if (missing.length === 0) return value;
  const trimmed = value.trimEnd();
  return `${trimmed}${trimmed.endsWith(separator) ? '' : separator}${missing.join(separator)}`;
}

type Change = (value: string, identities: Identities) => string;
type Setting = (section: string, key: string) => Change | undefined;

/** Lines of `key = value` in sections. */
function settings(changeOf: Setting): Rewrite {
  return (content, identities) => {
    let section = '';
    return eachLine(content, (line) => {
      const heading = /^\s*\[([^\]]+)\]/.exec(line);
      if (heading !== null) section = heading[1] ?? '';
      const [all, before = '', key = '', sign = '', value = ''] =
        /^(\s*)([^#;=\s][^=]*?)(\s*=\s*)(.*)$/.exec(line) ?? [];
      const change = all === undefined ? undefined : changeOf(section, key);
      return change === undefined ? line : `${before}${key}${sign}${change(value, identities)}`;
    });
  };
}

const eachLine = (text: string, change: (line: string) => string): string => text.split('\n').map(change).join('\n');

const networkd = settings((section, key) => {
  if (section !== 'Match') return undefined;
  if (key === 'MACAddress' || key === 'PermanentMACAddress') return withMacs;
  if (key === 'Path') return withPaths;
  if (key === 'Driver') return withDrivers;
  if (key === 'Name') return (value, identities) => withPatterns(value, identities, ' ');
  return undefined;
});

const hardware = /^(?:ethernet|802-3-ethernet|wifi|802-11-wireless|infiniband)$/;

const keyfile = settings((section, key) => {
  if (hardware.test(section) && /^mac-address(?:-blacklist|-denylist)?$/.test(key)) return withMacs;
  if (section !== 'match') return undefined;
  if (key === 'path') return withPaths;
  if (key === 'driver') return withDrivers;
  if (key === 'interface-name') return (value, identities) => withPatterns(value, identities, ';');
  return undefined;
});

/** Lists of devices: `mac:…`, `interface-name:…`. */
const manager = settings((_, key) => (/devices$|match-device/.test(key) ? withMacs : undefined));

const ifcfg = settings((_, key) => (key === 'HWADDR' ? withMacs : undefined));

const connman = settings((_, key) => (/^MAC(?:Address)?$/.test(key) ? withMacs : undefined));

/** Rules that look for a card, by its address or place. */
const udev: Rewrite = (content, identities) =>
  eachLine(content, (line) => {
    if (/^\s*#/.test(line)) return line;
    return line
      .replace(/ATTRS?\{address\}==?"[^"]*"/g, (found) => withMacs(found, identities))
      .replace(/(KERNELS==")([\da-f.:]+)(")/g, (_, before: string, place: string, after: string) => {
        const now = identities.paths.get(`pci-${place}`);
        return `${before}${now?.slice('pci-'.length) ?? place}${after}`;
      });
  });

export const isYaml = (content: string): boolean => parseDocument(content).errors.length === 0;

/** Only what stands below `match`; beside it, an address is one that is set. */
const netplan: Rewrite = (content, identities) => {
  const document = parseDocument(content);
  if (document.errors.length > 0) return content;
  const edits: { readonly start: number; readonly end: number; readonly text: string }[] = [];
  visit(document, {
    Pair(_, pair) {
      if (!isScalar(pair.key) || pair.key.value !== 'match' || !isMap(pair.value)) return;
      for (const { key, value } of pair.value.items) {
        if (!isScalar(key) || !isScalar(value) || typeof value.value !== 'string' || !value.range) continue;
        const change = key.value === 'macaddress' ? withMacs : key.value === 'driver' ? withDrivers : undefined;
        const [start, end] = value.range;
        const old = content.slice(start, end);
        const text = change?.(old, identities) ?? old;
        // One driver can be written there, several only as a list.
        if (text !== old && !/\s/.test(text)) edits.push({ start, end, text });
      }
    },
  });
  return edits
    .toSorted((one, other) => other.start - one.start)
    .reduce((text, edit) => `${text.slice(0, edit.start)}${edit.text}${text.slice(edit.end)}`, content);
};

const formats: readonly (readonly [RegExp, Rewrite])[] = [
  [/^\/etc\/systemd\/network\/.*\.(?:network|link|netdev|conf)$/, networkd],
  [/^\/etc\/NetworkManager\/system-connections\//, keyfile],
  [/^\/etc\/NetworkManager\//, manager],
  [/^\/etc\/netplan\//, netplan],
  [/^\/etc\/sysconfig\/network(?:-scripts)?\/ifcfg-/, ifcfg],
  [/^\/etc\/udev\/rules\.d\//, udev],
  [/^\/etc\/connman\//, connman],
];

/** What in this file identifies a card; in all others only names do. */
export function identified(path: string, content: string, identities: Identities): string {
  const [, rewrite] = formats.find(([pattern]) => pattern.test(path)) ?? [];
  return rewrite === undefined ? content : rewrite(content, identities);
}

/** Names that files give to cards, wherever these are plugged in. */
export function pinnedNames(files: ReadonlyMap<string, string>): ReadonlySet<string> {
  const names = [...files].flatMap(([path, content]) => {
    const pattern = path.startsWith('/etc/udev/rules.d/')
      ? /^(?!\s*#).*\bNAME="([^"%$]+)"/gm
      : path.endsWith('.link')
        ? /^\s*Name\s*=\s*(\S+)/gm
        : path.startsWith('/etc/netplan/')
          ? /^(?!\s*#).*\bset-name:\s*["']?([^\s"',}]+)/gm
          : undefined;
    if (pattern === undefined) return [];
    // What a file for links looks for has the same word before it.
    const text = path.endsWith('.link') ? (content.split(/^\s*\[Link\]/m)[1] ?? '') : content;
    return [...text.matchAll(pattern)].flatMap(([, name]) => name ?? []);
  });
  return new Set(names);
}
