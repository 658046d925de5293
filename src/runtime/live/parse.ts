/** What the kernel tells of a process below `/proc/<pid>`. Pure: text in, fields of the model out. */
import { present } from '../../kernel/present.ts';
import { type IdMap, type Namespace, namespaceTypes } from '../model/container.ts';
import type { Rlimit } from '../model/process.ts';
import { capabilityNames } from './capabilities.ts';

/** `name: value` lines of `/proc/<pid>/status`. */
export function parseStatus(status: string): Map<string, string> {
  return new Map([...status.matchAll(/^(\w+):[ \t]*(.*)$/gm)].map(([, name = '', value = '']) => [name, value.trim()]));
}

const rlimitNames: Readonly<Record<string, string>> = {
  'Max cpu time': 'cpu',
  'Max file size': 'fsize',
  'Max data size': 'data',
  'Max stack size': 'stack',
  'Max core file size': 'core',
  'Max resident set': 'rss',
  'Max processes': 'nproc',
  'Max open files': 'nofile',
  'Max locked memory': 'memlock',
  'Max address space': 'as',
  'Max file locks': 'locks',
  'Max pending signals': 'sigpending',
  'Max msgqueue size': 'msgqueue',
  'Max nice priority': 'nice',
  'Max realtime priority': 'rtprio',
  'Max realtime timeout': 'rttime',
};

/** Of `/proc/<pid>/limits`, all of them. */
export function parseRlimits(limits: string): Rlimit[] {
  return [...limits.matchAll(/^(Max [a-z ]+?)\s+(unlimited|\d+)\s+(unlimited|\d+)(?:\s|$)/gm)].flatMap(
    ([, title = '', soft, hard]) => {
      const name = rlimitNames[title];
      return name === undefined ? [] : [{ name, ...present({ soft: boundOf(soft), hard: boundOf(hard) }) }];
    },
  );
}

function boundOf(text: string | undefined): number | undefined {
  return text === undefined || text === 'unlimited' ? undefined : Number(text);
}

/** Of `/proc/<pid>/uid_map`; the map of the whole range onto itself is none. */
export function parseIdMap(map: string): IdMap[] | undefined {
  const found = [...map.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/gm)].map(([, inside, outside, size]) => ({
    inside: Number(inside),
    outside: Number(outside),
    size: Number(size),
  }));
  const [first] = found;
  return first === undefined || (first.inside === 0 && first.outside === 0 && first.size === 4_294_967_295)
    ? undefined
    : found;
}

/** Names of capabilities by the sets of `status`. */
export function parseCapabilities(status: ReadonlyMap<string, string>) {
  const set = (key: string): string[] | undefined => {
    const mask = status.get(key);
    return mask === undefined ? undefined : capabilityNames(mask);
  };
  return present({
    bounding: set('CapBnd'),
    effective: set('CapEff'),
    permitted: set('CapPrm'),
    inheritable: set('CapInh'),
    ambient: set('CapAmb'),
  });
}

/**
 * The namespaces of a process against those of the host's first one.
 *
 * @param links lines of `/proc/<pid>/ns/<type> <type>:[<inode>]`
 */
export function parseNamespaces(links: string, pid: number): Namespace[] {
  const inodes = new Map<string, string>();
  for (const [, of, type, inode] of links.matchAll(/^\/proc\/(\d+)\/ns\/(\w+) \S*\[(\d+)\]$/gm)) {
    inodes.set(`${of} ${type}`, inode ?? '');
  }
  return namespaceTypes.flatMap((type): Namespace[] => {
    const own = inodes.get(`${pid} ${type}`);
    const first = inodes.get(`1 ${type}`);
    return own === undefined || first === undefined ? [] : [{ type, from: own === first ? 'host' : 'own' }];
  });
}

/** Milliseconds since 1970 at which a process started, out of `/proc/<pid>/stat` and `/proc/stat`. */
export function parseStart(stat: string, system: string): number | undefined {
  // The name of the program stands in brackets, and may hold any.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[19]);
  const boot = Number(/^btime (\d+)$/m.exec(system)?.[1]);
  const ticksPerSecond = 100;
  const ms = (boot + ticks / ticksPerSecond) * 1000;
  return Number.isFinite(ms) ? Math.round(ms) : undefined;
}

/** Words that each end with a zero byte. */
export function parseWords(text: string): string[] {
  return text === '' ? [] : text.replace(/\0$/, '').split('\0');
}
