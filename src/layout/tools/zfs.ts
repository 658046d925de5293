/** What `zpool`, `zfs` and `zdb` say. All of it is asked of all pools and datasets at once: a host has hundreds. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';

export const poolPropertiesArgv: Argv = ['zpool', 'get', '-Hp', 'all'];
/** `-P` names devices by their paths, `-g` everything by its GUID; line for line they tell of the same. */
export const statusArgv = (names: '-P' | '-g'): Argv => ['zpool', 'status', names];
/** Out of the cache file, which is what the pools are imported by at the next start. No disk is read. */
export const configArgv: Argv = ['zdb', '-C'];
/** Of a pool that is not imported: what stands on one of its devices. */
export const labelArgv = (device: string): Argv => ['zdb', '-l', device];

const types = ['-t', 'filesystem,volume'];
const columns = [
  'name',
  'type',
  'guid',
  'used',
  'referenced',
  'origin',
  'mountpoint',
  'mounted',
  'volsize',
  'volblocksize',
  'encryption',
  'encryptionroot',
  'keyformat',
  'keylocation',
  'keystatus',
  'pbkdf2iters',
  'casesensitivity',
  'normalization',
  'utf8only',
] as const;
export const datasetsArgv: Argv = ['zfs', 'list', '-Hp', ...types, '-o', columns.join(',')];
export const settingsArgv: Argv = ['zfs', 'get', '-Hp', ...types, '-s', 'local,received', 'all'];
/** Which device of the kernel each volume is. */
export const volumesArgv: Argv = ['find', '/dev/zvol', '-type', 'l', '-printf', '%P\\t%l\\n'];

/** A property, and whether it was set or came along with what was received. */
export interface Setting {
  readonly value: string;
  readonly source: string;
}

/** `NAME  PROPERTY  VALUE  SOURCE`, divided by tabs: by the name of a pool or dataset, then of the property. */
export function parseSettings(stdout: string): Map<string, Map<string, Setting>> {
  const found = new Map<string, Map<string, Setting>>();
  let begun: string | undefined;
  for (const line of stdout.replace(/\n$/, '').split('\n')) {
    // What somebody gave a name may hold anything, even breaks of lines.
    const whole: string = begun === undefined ? line : `${begun}\n${line}`;
    const [, name, property, value, source] = /^([^\t\n]+)\t([^\t\n]+)\t([^]*)\t([^\t\n]+)$/.exec(whole) ?? [];
    const isEnd = sources.test(source ?? '');
    begun = isEnd || whole === '' ? undefined : whole;
    if (!isEnd || name === undefined || property === undefined) continue;
    const known = found.get(name) ?? new Map<string, Setting>();
    known.set(property, { value: value ?? '', source: source ?? '' });
    found.set(name, known);
  }
  if (begun !== undefined) throw new Error(`not a property: ${JSON.stringify(begun)}`);
  return found;
}

/** Where a property can come from. */
const sources = /^(-|none|local|default|received|temporary|inherited from .+)$/;

export type Dataset = Readonly<Partial<Record<(typeof columns)[number], string>>> & {
  readonly name: string;
  readonly guid: string;
};

export function parseDatasets(stdout: string): Dataset[] {
  return linesOf(stdout).map((line) => {
    const values = line.split('\t');
    const said = Object.fromEntries(columns.map((column, index) => [column, values[index]]));
    const { name, guid = '' } = said;
    if (name === undefined || !/^\d+$/.test(guid) || values.length !== columns.length)
      throw new Error(`not a dataset: ${JSON.stringify(line)}`);
    return { ...present(Object.fromEntries(Object.entries(said).filter(([, value]) => value !== '-'))), name, guid };
  });
}

const classes: Readonly<Record<string, string>> = {
  logs: 'log',
  cache: 'cache',
  spares: 'spare',
  special: 'special',
  dedup: 'dedup',
};

/** A line of the tree that a pool is made of. */
export interface StatusLine {
  /** 0 of the pool itself, and of what stands beside its data. */
  readonly depth: number;
  readonly name: string;
  readonly state: string;
  /** `log`, `cache`, …; absent of what holds the data. */
  readonly group?: string;
}

/** By the names of pools, the first line being that of the pool. */
export function parseStatus(stdout: string): Map<string, StatusLine[]> {
  const found = new Map<string, StatusLine[]>();
  for (const part of stdout.split(/^ *pool: /m).slice(1)) {
    const [pool = ''] = part.split('\n');
    const [, table] = /^config:\n\n\tNAME +STATE.*\n([^]*?)^(?:errors:|$(?![^]))/m.exec(part) ?? [];
    if (table === undefined) throw new Error(`no devices of the pool ${pool}`);
    const lines: StatusLine[] = [];
    let group: string | undefined;
    for (const line of table.split('\n')) {
      const [, indent = '', name = '', state] = /^\t( *)(.+?)(?:\s{2,}(\S+).*|\s*)$/.exec(line) ?? [];
      if (name === '') continue;
      if (state === undefined) group = classes[name] ?? name;
      else lines.push({ depth: indent.length / 2, name, state, ...present({ group }) });
    }
    if (lines.length === 0) throw new Error(`no devices of the pool ${pool}`);
    found.set(pool, lines);
  }
  return found;
}

/** What `zdb` prints: names with values, or with more of the same further in. */
export interface Nvlist {
  readonly values: ReadonlyMap<string, string>;
  readonly inside: ReadonlyMap<string, Nvlist>;
}

export function parseNvlist(stdout: string): Nvlist {
  const top = { values: new Map<string, string>(), inside: new Map<string, Nvlist>() };
  const open = [{ indent: -1, list: top }];
  for (const line of stdout.split('\n')) {
    const [, indent = '', name, value] = /^( *)(\S+?):(?: (.*))?$/.exec(line) ?? [];
    if (name === undefined) continue;
    while ((open.at(-1)?.indent ?? -1) >= indent.length) open.pop();
    const around = open.at(-1)?.list ?? top;
    if (value !== undefined) {
      around.values.set(name, value.replace(/^'(.*)'$/s, '$1'));
      continue;
    }
    const list = { values: new Map<string, string>(), inside: new Map<string, Nvlist>() };
    around.inside.set(name, list);
    open.push({ indent: indent.length, list });
  }
  return top;
}

/** Of each part of a pool by its GUID: the `vdev_tree` of a configuration or label, wherever it stands. */
export function partsOf(list: Nvlist): Map<string, Nvlist> {
  const found = new Map<string, Nvlist>();
  const guid = list.values.get('guid');
  if (guid !== undefined) found.set(guid, list);
  for (const inner of list.inside.values()) for (const [key, part] of partsOf(inner)) found.set(key, part);
  return found;
}

/** `tank/disk` → `zd16`. */
export function parseVolumes(stdout: string): Map<string, string> {
  return new Map(
    linesOf(stdout).map((line): [string, string] => {
      const [name, link] = line.split('\t');
      const device = link?.split('/').at(-1);
      if (name === undefined || device === undefined) throw new Error(`not a link: ${JSON.stringify(line)}`);
      return [name, device];
    }),
  );
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
