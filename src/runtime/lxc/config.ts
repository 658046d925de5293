/** The configuration of a container of LXC 3 and later: a line for each setting, some of them many times. */
import { present } from '../../kernel/present.ts';
import { parseV1 } from '../cgroup/read-v1.ts';
import { parseV2 } from '../cgroup/read-v2.ts';
import type { IdMap } from '../model/container.ts';
import type { Limits } from '../model/limits.ts';
import type { ContainerNetwork } from '../model/network.ts';
import type { Mount } from '../model/storage.ts';
import type { Description } from '../runtime.ts';

/** Values by setting, in their order. An empty value takes back what was said before. */
export function parseConfig(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const [, key = '', value = ''] of text.matchAll(/^[ \t]*(lxc\.[\w.-]+)[ \t]*=[ \t]*(.*?)[ \t]*$/gm)) {
    if (value === '') settings.delete(key);
    else settings.set(key, [...(settings.get(key) ?? []), value.replace(/^"(.*)"$/, '$1')]);
  }
  return settings;
}

type Settings = ReadonlyMap<string, readonly string[]>;

export function last(settings: Settings, key: string): string | undefined {
  return settings.get(key)?.at(-1);
}

/** `dir:/path`, `overlay:/lower:/upper`, `/path`, or a device or dataset, which is no directory. */
export function rootfsOf(settings: Settings): Description['rootfs'] | undefined {
  const [, driver, place = ''] = /^(?:([a-z]+):)?(.*)$/.exec(last(settings, 'lxc.rootfs.path') ?? '') ?? [];
  if (!place.startsWith('/')) return driver === undefined ? undefined : { driver };
  if (driver === 'overlay' || driver === 'overlayfs') {
    const writable = place.split(':').at(-1);
    return { driver: 'overlay', ...present({ writable }) };
  }
  return driver === undefined || driver === 'dir' ? { path: place } : { path: place, driver };
}

/** As in fstab; destinations are relative to the root of the container. */
export function mountsOf(settings: Settings): Mount[] {
  return (settings.get('lxc.mount.entry') ?? []).flatMap((entry): Mount[] => {
    const [source = '', destination, type = '', joined = ''] = entry.split(/\s+/).map(unescaped);
    if (destination === undefined) return [];
    const options = joined.split(',').filter((option) => option !== '');
    const bind = type === 'none' || options.includes('bind') || options.includes('rbind');
    return [
      {
        kind: bind ? 'bind' : type === 'tmpfs' ? 'tmpfs' : 'system',
        destination: destination.startsWith('/') ? destination : `/${destination}`,
        ...present({
          source: bind ? source : undefined,
          readOnly: options.includes('ro') ? true : undefined,
          options: options.length === 0 ? undefined : options,
        }),
      },
    ];
  });
}

function unescaped(word: string): string {
  return word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export function networksOf(settings: Settings): ContainerNetwork[] {
  const numbers = new Set([...settings.keys()].flatMap((key) => /^lxc\.net\.(\d+)\./.exec(key)?.[1] ?? []));
  return [...numbers].map((number) => {
    const of = (name: string): string | undefined => last(settings, `lxc.net.${number}.${name}`);
    const addresses = ['ipv4', 'ipv6'].flatMap((family) => settings.get(`lxc.net.${number}.${family}.address`) ?? []);
    const gateways = ['ipv4', 'ipv6'].flatMap((family) => of(`${family}.gateway`) ?? []);
    return {
      kind: kinds[of('type') ?? ''] ?? 'other',
      ...present({
        parent: of('link'),
        link: of('name'),
        mac: of('hwaddr'),
        addresses: addresses.length === 0 ? undefined : addresses,
        gateways: gateways.length === 0 ? undefined : gateways,
      }),
    };
  });
}

/** A pair of links of which one is in a bridge of the host; `empty` has only the loopback, `none` shares all of the host's. */
const kinds: Readonly<Record<string, ContainerNetwork['kind']>> = {
  veth: 'bridge',
  macvlan: 'macvlan',
  ipvlan: 'ipvlan',
  empty: 'none',
  none: 'host',
};

/** What it was told to write into files of cgroups; those of version 2 where it names any. */
export function limitsOf(settings: Settings): Limits | undefined {
  const below = (prefix: string): Map<string, string> =>
    new Map(
      [...settings].flatMap(([key, values]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), bytesIn(values.at(-1) ?? '')] as const] : [],
      ),
    );
  const [v1, v2] = [below('lxc.cgroup.'), below('lxc.cgroup2.')];
  const limits = v2.size > 0 ? parseV2(v2) : v1.size > 0 ? parseV1(v1) : undefined;
  return limits === undefined || Object.keys(limits).length === 1 ? undefined : limits;
}

/** The kernel takes `64M`, and gives back bytes. */
function bytesIn(value: string): string {
  const [, number, unit] = /^(\d+)([KMG])$/i.exec(value) ?? [];
  if (number === undefined || unit === undefined) return value;
  return String(Number(number) * 1024 ** ('KMG'.indexOf(unit.toUpperCase()) + 1));
}

/** `u 0 100000 65536`: of users, `g` of groups. */
export function idMapOf(settings: Settings, kind: 'u' | 'g'): IdMap[] | undefined {
  const found = (settings.get('lxc.idmap') ?? []).flatMap((line) => {
    const [type, inside, outside, size] = line.split(/\s+/);
    if (type !== kind || !size) return [];
    return [{ inside: Number(inside), outside: Number(outside), size: Number(size) }];
  });
  return found.length === 0 ? undefined : found;
}
