/** Settings of the kernel that are not its own: those that files set, and of the well-known ones those that differ. */
import { basename, dirname, join } from 'node:path/posix';
import type { Asker } from '../host/asker.ts';
import { present } from '../kernel/present.ts';
import { linesArgv, linesCodes, parseSomeLines } from './many-files.ts';
import { isOnTheFly } from './on-the-fly.ts';
import { sysctlFile, sysctlPlaces } from './places.ts';
import { subjects } from './subjects.ts';
import { linkSettings, sysctlDefaults } from './sysctl-defaults.ts';
import type { Link, Sysctl } from './types.ts';

const root = '/proc/sys';
const secret = /(?:stable_secret|fastopen_key)$/;

/** `net.ipv4.conf.eth0/100.rp_filter` and `net/ipv4/conf/eth0.100/rp_filter` are the same: the first, with dots between. */
export function dotted(key: string): string {
  const slash = key.indexOf('/');
  const dot = key.indexOf('.');
  return slash >= 0 && (dot < 0 || slash < dot) ? swapped(key) : key;
}

const swapped = (key: string): string => key.replace(/[./]/g, (sign) => (sign === '.' ? '/' : '.'));
const pathOf = (key: string): string => join(root, swapped(key));

interface Setting {
  readonly value: string;
  readonly file: string;
}

/** What the files set, the last one winning, as sysctl.d(5) has it. `/etc/sysctl.conf` comes last, as procps has it. */
export function configuredSysctls(contents: ReadonlyMap<string, string>): Map<string, Setting> {
  const byName = new Map<string, string>();
  for (const place of sysctlPlaces) {
    for (const path of contents.keys()) {
      if (dirname(path) !== place || !path.endsWith('.conf')) continue;
      if (!byName.has(basename(path))) byName.set(basename(path), path);
    }
  }
  const order = [...byName].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, path]) => path);
  const settings = new Map<string, Setting>();
  for (const file of [...order, sysctlFile]) {
    for (const line of (contents.get(file) ?? '').split('\n')) {
      const [, key, value] = /^\s*-?\s*([^#;=\s][^=\s]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key !== undefined && value !== undefined) settings.set(dotted(key), { value: spaced(value), file });
    }
  }
  return settings;
}

/** Values of several numbers have tabs in the kernel and blanks in files. */
const spaced = (value: string): string => value.trim().replace(/\s+/g, ' ');

export async function captureSysctls(
  asker: Asker,
  contents: ReadonlyMap<string, string>,
  links: readonly Link[],
): Promise<Sysctl[]> {
  const configured = configuredSysctls(contents);
  const ofLinks = settingsOfLinks(links);
  const keys = [...new Set([...Object.keys(sysctlDefaults), ...configured.keys(), ...ofLinks.keys()])].filter(
    (key) => !secret.test(key) && key.isWellFormed() && !key.includes('\0') && pathOf(key).startsWith(`${root}/`),
  );
  const plain = keys.filter((key) => !/[*?[]/.test(key));
  // What new links get is needed to compare with.
  const wanted = [...new Set([...plain, ...ofLinks.values()])];
  const found = await asker.ask({
    argv: linesArgv(wanted.map(pathOf)),
    parse: parseSomeLines,
    okCodes: linesCodes,
    subject: subjects.sysctls,
  });
  if (found === undefined) return [];
  const live = (key: string): string | undefined => {
    const content = found.files.get(pathOf(key));
    return content === undefined ? undefined : spaced(content);
  };
  return keys.toSorted().flatMap((key): Sysctl[] => {
    const value = live(key);
    const setting = configured.get(key);
    const usual = sysctlDefaults[key];
    const likeNew = ofLinks.get(key);
    const differs =
      usual !== undefined
        ? !(typeof usual === 'string' ? [usual] : usual).includes(value ?? '')
        : likeNew !== undefined && value !== live(likeNew);
    if (setting === undefined && (value === undefined || !differs)) return [];
    const known = usual === undefined ? likeNew && live(likeNew) : typeof usual === 'string' ? usual : usual.at(0);
    return [{ key, ...present({ value, default: known, configured: setting?.value, file: setting?.file }) }];
  });
}

/** The settings of each link that stays, and the setting that new links have it from. */
function settingsOfLinks(links: readonly Link[]): Map<string, string> {
  const lasting = links.filter((link) => link.kind !== 'loopback' && !isOnTheFly(link));
  return new Map(
    lasting.flatMap(({ name }) =>
      linkSettings.map(([family, setting]): [string, string] => [
        // A dot in the name of a link is a slash in a key.
        `net.${family}.conf.${name.replaceAll('.', '/')}.${setting}`,
        `net.${family}.conf.default.${setting}`,
      ]),
    ),
  );
}
