/**
 * Unit files of systemd and which of them are enabled, out of files and links as `systemctl` itself reads them, for a tenth
 * of what that costs. Nobody needs to be running, so that a chroot and a host with a dead bus tell it too.
 */
import type { Asker } from '../host/asker.ts';
import type { Places } from './places.ts';
import { type Contents, contentsBelow } from './reading.ts';

export interface UnitFile {
  /** With its suffix. Templates and instances that something wants are in the list as well. */
  readonly name: string;
  /**
   * `indirect`: only by a name or an instance that its file does not speak of; `other`: not by itself, be it because nobody
   * enabled it or because there is nothing to enable.
   */
  readonly state: 'enabled' | 'enabled-runtime' | 'masked' | 'masked-runtime' | 'alias' | 'indirect' | 'bad' | 'other';
}

/** The unit files, and the lines of theirs that say when a timer starts what. */
export interface Units {
  readonly files: readonly UnitFile[];
  readonly settings: Contents;
}

/** The earlier overrides the later (systemd.unit(5)). */
const directories = [
  '/etc/systemd/system',
  '/etc/systemd/system.attached',
  '/run/systemd/system',
  '/run/systemd/system.attached',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
] as const;

/** Where links enable a unit: what the distribution links in its own directories is part of the system. */
const enabling = [
  { directory: '/etc/systemd/system', state: 'enabled' },
  { directory: '/run/systemd/system', state: 'enabled-runtime' },
] as const;

export interface UnitEntry {
  readonly directory: string;
  /** Below {@link directory}: in itself or, as `multi-user.target.wants`, in a directory of it. */
  readonly below: string | undefined;
  readonly name: string;
  /** What it is a link to. */
  readonly target: string | undefined;
  /** A link to nothing. */
  readonly dangling: boolean;
  readonly empty: boolean;
}

/** Position in the order of precedence: the lower wins. */
export function precedence(path: string): number {
  return directories.findIndex((directory) => path.startsWith(`${directory}/`));
}

const unitName = /^[\w:.\\@-]+\.(?:service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;
const fields = String.raw`%p\0%l\0%Y\0%s\0`;

/** @param stdout of each file four fields, each ended by NUL: path, target of a link, type of what is there in the end, size */
export function parseUnitEntries(stdout: string): UnitEntry[] {
  const records = stdout.split('\0');
  if (records.length < 5 || records.length % 4 !== 1) throw new Error('not a list of unit files');
  const entries: UnitEntry[] = [];
  for (let at = 0; at < records.length - 1; at += 4) {
    const [path = '', target = '', type = '', size = ''] = records.slice(at, at + 4);
    const directory = directories[precedence(path)];
    if (directory === undefined) throw new Error('not a list of unit files');
    const parts = path.slice(directory.length + 1).split('/');
    const name = parts.at(-1) ?? '';
    if (parts.length > 2 || !unitName.test(name)) continue;
    entries.push({
      directory,
      below: parts.length === 2 ? parts[0] : undefined,
      name,
      target: target === '' ? undefined : target,
      dangling: (type === 'N' || type === 'L') && target !== '/dev/null',
      empty: target === '' && size === '0',
    });
  }
  return entries;
}

/** By unit the names that its file, under `[Install]`, says it may be enabled by. */
function installNames(settings: Contents): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const [path, content] of settings) {
    const unit = /([^/]+?)(?:\.d\/[^/]+\.conf)?$/.exec(path)?.[1] ?? '';
    for (const [, key, value = ''] of content.matchAll(/^(Alias|DefaultInstance)=[ \t]*(.*)$/gm)) {
      const words = value.trim().split(/\s+/);
      const known = key === 'Alias' ? words : words.map((word) => unit.replace('@.', () => `@${word}.`));
      names.set(unit, [...(names.get(unit) ?? []), ...known]);
    }
  }
  return names;
}

/** `worker@a.service` → `worker@.service`. */
export function templateOf(name: string): string | undefined {
  const template = name.replace(/@[^@]+(\.[a-z]+)$/, '@$1');
  return template === name ? undefined : template;
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * @param settings the lines `Alias=` and `DefaultInstance=` of the files
 * @returns by name; with each unit file also the instances of templates that a link enables
 */
export function unitFilesOf(entries: readonly UnitEntry[], settings: Contents): UnitFile[] {
  const first = new Map<string, UnitEntry>();
  const links = new Map<string, UnitEntry[]>();
  const link = (name: string, entry: UnitEntry) => {
    const known = links.get(name);
    if (known === undefined) links.set(name, [entry]);
    else known.push(entry);
  };
  const installed = installNames(settings);
  const sorted = entries.toSorted((a, b) => precedence(`${a.directory}/`) - precedence(`${b.directory}/`));
  for (const entry of sorted) {
    const { name, below, target } = entry;
    if (below === undefined && !first.has(name)) first.set(name, entry);
    if (target === undefined) continue;
    if (below === undefined) {
      if (baseOf(target) !== name) link(baseOf(target), entry);
      if (baseOf(target) === templateOf(name)) link(name, entry);
    } else if (/\.(?:wants|requires|upholds)$/.test(below)) {
      link(name, entry);
      const template = templateOf(name);
      if (template !== undefined) link(template, entry);
    }
  }
  const instances = [...links.keys()].filter((name) => !first.has(name) && first.has(templateOf(name) ?? ''));
  return [...first.keys(), ...instances].sort().map((name) => ({ name, state: stateOf(name) }));

  function stateOf(name: string): UnitFile['state'] {
    const entry = first.get(name) ?? first.get(templateOf(name) ?? '');
    if (entry === undefined) return 'bad';
    const { target, directory } = entry;
    if (entry.empty || target === '/dev/null') return directory.startsWith('/run/') ? 'masked-runtime' : 'masked';
    if (target !== undefined && first.has(name) && ![name, templateOf(name)].includes(baseOf(target))) return 'alias';
    if (entry.dangling) return 'bad';
    const leading = links.get(name) ?? [];
    if (leading.length === 0) return 'other';
    const known = [name, ...(installed.get(name) ?? [])];
    const named = enabling.find(({ directory }) =>
      leading.some((item) => item.directory === directory && known.includes(item.name)),
    );
    if (named !== undefined) return named.state;
    return enabling.some(({ directory }) => leading.some((item) => item.directory === directory))
      ? 'indirect'
      : 'other';
  }
}

const every = ['(', '-type', 'f', '-o', '-type', 'l', ')', '-printf', fields];
/** Links in the directories of the distribution are many, and enable nothing. */
const besidesVendor = ['-type', 'd', '-path', '*/lib/systemd/system/*', '-prune', '-o'];

/** `undefined` where there is no systemd, and with a gap where nobody tells. */
export async function captureUnits(asker: Asker, there: Places): Promise<Units | undefined> {
  if (!there.has('systemd')) return undefined;
  const subject = 'services';
  const [entries, settings] = await Promise.all([
    asker.ask({
      argv: ['find', ...directories, '-maxdepth', '2', ...besidesVendor, ...every],
      // 1 when one of the directories is not there.
      okCodes: [0, 1],
      parse: parseUnitEntries,
      subject,
    }),
    contentsBelow(asker, {
      // With names without which the links tell less; and which of the directories may not be read.
      subject,
      find: [...directories, '-maxdepth', '2', '-type', 'f'],
      pattern: '^(On[A-Z][A-Za-z]+|Unit|Alias|DefaultInstance)=',
      // Whoever has systemd has units with one of these.
      never: 'empty',
    }),
  ]);
  if (entries === undefined) return undefined;
  return { files: unitFilesOf(entries, settings), settings };
}
