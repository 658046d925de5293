/** The files of multipath: its configuration, and the lists that it keeps of the disks and names it has given. */
import type { Argv } from '../../host/host.ts';

const bindings = '/etc/multipath/bindings';
const wwids = '/etc/multipath/wwids';

/** All files in one question, each line with the name of its file before it. */
export const filesArgv: Argv = ['grep', '-rsHZ', '', '/etc/multipath.conf', '/etc/multipath/conf.d', bindings, wwids];
/** 2: one of them is not there. */
export const filesOkCodes = [0, 1, 2] as const;

/** Section → settings in it, in their order; of `device` and `multipath` there are several. */
interface Section {
  readonly path: string;
  readonly settings: ReadonlyMap<string, string>;
}

export interface MultipathFiles {
  readonly sections: readonly Section[];
  /** Names by WWID. */
  readonly bindings: ReadonlyMap<string, string>;
  readonly wwids: ReadonlySet<string>;
}

/** @throws Error for lines without a file */
export function parseFiles(stdout: string): MultipathFiles {
  const files = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const end = line.indexOf('\0');
    if (end < 1) throw new Error(`no file: ${JSON.stringify(line)}`);
    const name = line.slice(0, end);
    files.set(name, [...(files.get(name) ?? []), line.slice(end + 1)]);
  }
  const linesOf = (name: string) => (files.get(name) ?? []).filter((line) => !/^\s*(#|$)/.test(line));
  const main = files.get('/etc/multipath.conf') ?? [];
  const others = [...files]
    .filter(([name]) => /^\/etc\/multipath\/conf\.d\/[^/]+\.conf$/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    sections: [main, ...others.map(([, lines]) => lines)].flatMap(parseConfiguration),
    bindings: new Map(
      linesOf(bindings).flatMap((line) => {
        const [name, wwid] = line.trim().split(/\s+/);
        return name === undefined || wwid === undefined ? [] : [[wwid, name] as const];
      }),
    ),
    wwids: new Set(linesOf(wwids).flatMap((line) => /^\/(.+)\/\s*$/.exec(line)?.[1] ?? [])),
  };
}

/** `section { name value … }`, nested; what does not fit is passed over, as multipath itself does. */
export function parseConfiguration(lines: readonly string[]): Section[] {
  const done: Section[] = [];
  const open: { path: string; settings: Map<string, string> }[] = [];
  let pending: string | undefined;
  for (const line of lines) {
    const words = [...line.matchAll(/"((?:[^"]|"")*)"|([{}])|[#!].*$|([^\s"{}#!][^\s"{}]*)/g)].flatMap(
      ([whole, quoted, brace, bare]) => quoted ?? brace ?? bare ?? (/^[#!]/.test(whole) ? [] : whole),
    );
    const [first, second] = words;
    if (first === undefined) continue;
    if (first === '}') {
      const ended = open.pop();
      if (ended !== undefined) done.push(ended);
    } else if (first === '{' || second === '{') {
      const name = first === '{' ? pending : first;
      open.push({ path: [...open.map(({ path }) => path).slice(-1), name ?? ''].join('.'), settings: new Map() });
    } else if (second !== undefined) open.at(-1)?.settings.set(first, words.slice(1).join(' '));
    pending = first;
  }
  return done;
}

/** What is configured for a map, from what counts least to what counts most. Settings without a line are multipath's own. */
export function settingsFor(
  { sections }: MultipathFiles,
  map: { readonly wwid: string; readonly vendor?: string; readonly product?: string },
): Record<string, string> {
  const of = (path: string) => sections.filter((section) => section.path === path);
  const fits = (pattern: string | undefined, text: string | undefined): boolean => {
    if (pattern === undefined) return true;
    try {
      return text !== undefined && new RegExp(pattern).test(text);
    } catch {
      return false;
    }
  };
  const chosen = [
    ...of('defaults'),
    ...of('devices.device').filter(
      ({ settings }) =>
        (settings.has('vendor') || settings.has('product')) &&
        fits(settings.get('vendor'), map.vendor) &&
        fits(settings.get('product'), map.product),
    ),
    ...of('overrides'),
    ...of('multipaths.multipath').filter(({ settings }) => settings.get('wwid') === map.wwid),
  ];
  const all = new Map(chosen.flatMap(({ settings }) => [...settings]));
  for (const name of ['wwid', 'vendor', 'product']) all.delete(name);
  return Object.fromEntries([...all].sort(([a], [b]) => (a < b ? -1 : 1)));
}
