/** Guests of libvirt, out of the XML that it keeps: `virsh` would start its daemon. */
import type { Asker } from '../host/asker.ts';
import type { Container } from './container.ts';
import type { Guest } from './guest.ts';
import { type Places, places } from './places.ts';
import { type Contents, contentsBelow, eachUnderstood } from './reading.ts';
import { type Element, parseXml, select } from './xml.ts';

/** Pool of storage → the directory that its volumes are in. */
type Pools = ReadonlyMap<string, string>;

function text(element: Element, ...way: readonly string[]): string | undefined {
  const found = select(element, ...way)[0]?.text.trim();
  return found === '' ? undefined : found;
}

function disksOf(domain: Element, pools: Pools): string[] {
  return select(domain, 'devices', 'disk').flatMap((disk) => {
    const { device = 'disk', type } = disk.attributes;
    if (device !== 'disk' && device !== 'lun') return [];
    const source = select(disk, 'source')[0]?.attributes ?? {};
    if (type === 'network') return [`${source['protocol'] ?? 'network'}:${source['name'] ?? ''}`];
    if (type === 'volume') {
      const directory = pools.get(source['pool'] ?? '');
      return [directory === undefined ? `${source['pool']}:${source['volume']}` : `${directory}/${source['volume']}`];
    }
    return source['file'] ?? source['dev'] ?? source['dir'] ?? [];
  });
}

/** What the guest's disks stand on is a file of its own too, and is lost with it. */
function filesOf(domain: Element): string[] {
  return ['nvram', 'kernel', 'initrd'].flatMap((name) => text(domain, 'os', name) ?? []);
}

/** @throws Error for XML that is not of a domain */
export function parseDomain(xml: string, pools: Pools): Omit<Guest, 'manager'> {
  const domain = parseXml(xml);
  // A domain that runs is kept within its status.
  const inner = domain.name === 'domstatus' ? select(domain, 'domain')[0] : domain;
  const name = inner === undefined ? undefined : text(inner, 'name');
  if (inner?.name !== 'domain' || name === undefined) throw new Error('not a domain of libvirt');
  const id = text(inner, 'uuid');
  const files = filesOf(inner);
  return {
    name,
    ...(id === undefined ? {} : { id }),
    disks: disksOf(inner, pools),
    ...(files.length === 0 ? {} : { files }),
  };
}

/** Name and directory of a pool; `undefined` for what is none, or has no place in this machine's tree. */
export function parsePool(xml: string): readonly [string, string] | undefined {
  const pool = parseXml(xml);
  const [name, path] = [text(pool, 'name'), text(pool, 'target', 'path')];
  return pool.name === 'pool' && name !== undefined && path !== undefined ? [name, path] : undefined;
}

/** Definitions of guests, by the driver in the path; those below `networks`, `autostart` and the like are others. */
const guestFile = /^\/(?:etc|run)\/libvirt\/(?:qemu|libxl|bhyve|ch)\/[^/]+\.xml$/;
const containerFile = /^\/etc\/libvirt\/lxc\/[^/]+\.xml$/;
const poolFile = /^\/etc\/libvirt\/storage\/[^/]+\.xml$/;

/**
 * @param contents of `/etc/libvirt` and `/run/libvirt`, where the second says what runs, and what only runs
 * @throws Error for a file that is not what its path says
 */
export function parseLibvirt(contents: Contents): { guests: Guest[]; containers: Container[] } {
  const pools = new Map(
    [...contents].flatMap(([path, xml]) => {
      const pool = poolFile.test(path) ? parsePool(xml) : undefined;
      return pool === undefined ? [] : [pool];
    }),
  );
  const guests = new Map<string, Guest>();
  const containers: Container[] = [];
  for (const [path, xml] of [...contents].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (containerFile.test(path)) {
      const domain = parseXml(xml);
      const paths = select(domain, 'devices', 'filesystem', 'source').flatMap(({ attributes: { dir } }) => dir ?? []);
      containers.push({ manager: 'lxc', name: text(domain, 'name') ?? path, paths });
    }
    if (!guestFile.test(path)) continue;
    const live = path.startsWith('/run/');
    const guest = parseDomain(xml, pools);
    const known = guests.get(guest.name);
    guests.set(guest.name, {
      manager: 'libvirt',
      ...(known ?? guest),
      ...(live && known === undefined ? { transient: true as const } : {}),
      running: live || known?.running === true,
    });
  }
  return { guests: [...guests.values()], containers };
}

export async function captureLibvirt(
  asker: Asker,
  there: Places,
): Promise<{ guests: Guest[]; containers: Container[] }> {
  if (!there.has('libvirt')) return { guests: [], containers: [] };
  const find = [places.libvirt, '/run/libvirt', '-maxdepth', '2', '-name', '*.xml', '-type', 'f'];
  const contents = await contentsBelow(asker, { subject: 'guests', find, end: /\.xml:/ });
  const valid = new Map(
    eachUnderstood(asker, 'guests of libvirt', contents, (one, path) => {
      parseLibvirt(one);
      return [[path, contents.get(path) ?? ''] as const];
    }),
  );
  return parseLibvirt(valid);
}
