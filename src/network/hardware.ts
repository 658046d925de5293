/** What only sysfs tells of links: where the card is, its driver and speed, and where the MAC is from. */
import { join } from 'node:path/posix';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { linesArgv, linesCodes, parseSomeLines } from './many-files.ts';
import { subjects } from './subjects.ts';
import type { Link } from './types.ts';

const root = '/sys/class/net';

export const placesArgv: Argv = [
  'find',
  root,
  '-mindepth',
  '1',
  '-maxdepth',
  '1',
  '-type',
  'l',
  '-printf',
  '%f\\0%l\\0',
];

/** Pairs of names with a NUL after each. */
export function parsePairs(stdout: string): Map<string, string> {
  const parts = stdout.split('\0');
  if (parts.pop() !== '' || parts.length % 2 !== 0) throw new Error('not pairs of names');
  const pairs = new Map<string, string>();
  for (let index = 0; index < parts.length; index += 2) pairs.set(parts[index] ?? '', parts[index + 1] ?? '');
  return pairs;
}

/** `../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0` → `pci0000:00/0000:00:03.0`; `undefined` for virtual links. */
export function busPathOf(target: string): string | undefined {
  const [, path] = /\/devices\/(.*)\/net\/[^/]+$/.exec(target) ?? [];
  if (path === undefined || path.startsWith('virtual')) return undefined;
  // The number of a virtio device depends on the order in which drivers were loaded; what it sits on does not.
  return path.replace(/\/virtio\d+$/, '');
}

/** A name as an argument: other bytes than UTF-8 cannot be one (`host/host.ts`). */
const asArgument = ({ name }: Link): boolean => name.isWellFormed();

const macOrigins = ['permanent', 'random', 'stolen', 'set'] as const;

/** @throws Error where there is not even the loopback link */
function parsePlaces(stdout: string): Map<string, string> {
  const places = parsePairs(stdout);
  if (places.size === 0) throw new Error('no link');
  return places;
}

/** @throws Error where it says neither a driver nor that there is none */
function parseDrivers(stdout: string, stderr: string): Map<string, string> {
  if (stdout === '' && stderr.trim() === '') throw new Error('no driver');
  return parsePairs(stdout);
}

/** Links with what sysfs says of them. Asks once for places and then once for all attributes. */
export async function withHardware(asker: Asker, links: readonly Link[]): Promise<Link[]> {
  const places = await asker.ask({ argv: placesArgv, parse: parsePlaces, subject: subjects.hardware });
  if (places === undefined) return [...links];
  // Of a sysfs that was mounted in another network namespace.
  const others = links.filter(({ kind }) => kind !== 'loopback');
  if (others.length > 0 && !others.some(({ name }) => places.has(name))) {
    asker.gap({
      subject: subjects.hardware,
      problem: `${root} shows none of the links`,
      hint: 'Mount sysfs in the network namespace in which lifeboat runs.',
    });
  }
  const named = links.filter((link) => asArgument(link) && places.has(link.name));
  const cards = named.filter(({ name }) => busPathOf(places.get(name) ?? '') !== undefined);
  const [attributes, drivers] = await Promise.all([
    named.length === 0 ? undefined : readAttributes(asker, named, cards),
    cards.length === 0 ? undefined : readDrivers(asker, cards),
  ]);
  return links.map((link) => {
    const of = (file: string): string | undefined => attributes?.get(join(root, link.name, file))?.trim();
    const number = (file: string): number | undefined => positive(of(file));
    const busPath = busPathOf(places.get(link.name) ?? '');
    const assigned = of('addr_assign_type');
    const macOrigin = assigned === undefined ? undefined : macOrigins[Number(assigned)];
    const own = busPath !== undefined && macOrigin === 'permanent' ? link.mac : undefined;
    return {
      ...link,
      ...present({
        macOrigin,
        permanentMac: link.permanentMac ?? own,
        busPath,
        driver: drivers?.get(driverPath(link))?.split('/').at(-1),
        port: number('dev_port'),
        speedMbit: number('speed'),
        duplex: busPath === undefined || of('duplex') === 'unknown' ? undefined : of('duplex'),
        wireless: of('uevent')?.split('\n').includes('DEVTYPE=wlan') === true ? true : undefined,
      }),
    };
  });
}

/** Where nothing is negotiated, the speed is -1 or the largest number there is. */
function positive(content: string | undefined): number | undefined {
  const value = Number(content ?? Number.NaN);
  return Number.isInteger(value) && value > 0 && value < 0xffff_ffff ? value : undefined;
}

async function readAttributes(asker: Asker, named: readonly Link[], cards: readonly Link[]) {
  const paths = [
    ...named.map(({ name }) => join(root, name, 'addr_assign_type')),
    ...cards.flatMap(({ name }) => ['dev_port', 'speed', 'duplex', 'uevent'].map((file) => join(root, name, file))),
  ];
  const found = await asker.ask({
    argv: linesArgv(paths),
    parse: parseSomeLines,
    okCodes: linesCodes,
    subject: subjects.hardware,
  });
  return found?.files;
}

const driverPath = ({ name }: Link): string => join(root, name, 'device/driver');

/** The link `driver` of each card; a card without one makes `find` end with 1. */
function readDrivers(asker: Asker, cards: readonly Link[]) {
  return asker.ask({
    argv: ['find', ...cards.map(driverPath), '-maxdepth', '0', '-printf', '%p\\0%l\\0'],
    parse: parseDrivers,
    okCodes: [0, 1],
    subject: subjects.hardware,
  });
}
