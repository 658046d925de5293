/** Questions about block devices and the tables on them. */
import { basename } from 'node:path/posix';
import type { Asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import { present } from '../kernel/present.ts';
import { busPathOf, deviceKind } from './identity.ts';
import { askSessions, endpointId, giveUpBroken, type Sessions } from './iscsi.ts';
import { childrenOf, withoutContent } from './paths.ts';
import { blkidArgv, blkidOkCodes, parseBlkid, type Probed } from './tools/blkid.ts';
import { type BlockDevice, lsblkAll, lsblkSome, parseLsblk } from './tools/lsblk.ts';
import { askMappings, type Claims } from './stacked.ts';
import { parseSfdisk, sfdiskArgv, type Table } from './tools/sfdisk.ts';

/** All block devices; without their sizes of filesystems where asking for those fails. */
export async function askDevices(asker: Asker): Promise<BlockDevice[]> {
  const before = asker.gaps.length;
  const all = await asker.ask({ argv: lsblkAll, parse: parseLsblk });
  if (all !== undefined) return all;
  if (asker.gaps[before]?.problem.startsWith('no such program') === true) return [];
  return (await asker.ask({ argv: lsblkSome, parse: parseLsblk, subject: 'lsblk without sizes of filesystems' })) ?? [];
}

/** Fills in what lsblk knows only where udev runs, and what old versions do not tell. */
export async function completed(
  asker: Asker,
  devices: readonly BlockDevice[],
  claims: Pick<Claims, 'inner'>,
): Promise<BlockDevice[]> {
  const mappings = await askMappings(asker, devices);
  const mapped = withoutParts(
    devices.map((device) => ({ ...device, ...present({ mapping: mappings.get(device.name) }) })),
    claims,
  );
  // A partition on which udev saw nothing may have been given something since.
  const bare = mapped.filter(
    (device) =>
      device.sizeBytes > 0 &&
      device.fstype === undefined &&
      (device.type === 'part' || device.table === undefined) &&
      device.inner !== true,
  );
  const probed = await askContents(
    asker,
    bare.map(({ path }) => path),
  );
  const starts = await askStarts(asker, devices);
  return mapped.map((device) => {
    const startBytes = device.startBytes ?? starts.get(device.number);
    return { ...device, ...probed.get(device.path), ...present({ startBytes }) };
  });
}

/** What shows through on a part of something lies on the whole, and so do the partitions that the kernel sees there. */
function withoutParts(devices: readonly BlockDevice[], claims: Pick<Claims, 'inner'>): BlockDevice[] {
  const children = childrenOf(devices);
  const inner = new Set(devices.filter((one) => claims.inner(one, children(one))).map(({ number }) => number));
  return devices
    .filter(({ type, parents }) => type !== 'part' || !parents.some((parent) => inner.has(parent)))
    .map((device) => {
      if (inner.has(device.number)) return { ...withoutContent(device), inner: true as const };
      // What udev calls a path, without having looked at it.
      return device.fstype === 'mpath_member' ? withoutContent(device) : device;
    });
}

/** For all in one question; longer than any that is alive takes. */
const togetherMs = 10_000;

/** From util-linux 2.37 on, blkid ends with the first device on which it finds nothing: those behind that one are asked again. */
async function askContents(asker: Asker, devices: readonly string[]): Promise<Map<string, Probed>> {
  const within = bounded(asker);
  const found = new Map<string, Probed>();
  let left = devices;
  for (;;) {
    const [first, ...rest] = left;
    if (first === undefined) return found;
    const argv = blkidArgv([first, ...rest]);
    const answer = await within.ask({
      argv,
      okCodes: blkidOkCodes,
      ...(rest.length === 0 ? { subject: first } : { again: true, timeoutMs: togetherMs }),
      parse: (stdout, stderr) => {
        for (const [, path, why] of stderr.matchAll(/^blkid: error: (\S+): (.+)$/gm)) {
          asker.gap({
            subject: path ?? 'blkid',
            problem: `cannot see what is on it: ${why}`,
            hint: 'only root can open it, and some kernels let nobody',
          });
        }
        return parseBlkid(stdout);
      },
    });
    if (answer === undefined && rest.length > 0 && asker.didNotAnswer(argv)) {
      // One of them is dead: each for itself, many at once.
      const each = bounded(asker);
      const alone = await Promise.all(left.map((path) => askContents(each, [path])));
      return new Map([...found, ...alone.flatMap((one) => [...one])]);
    }
    for (const [path, one] of answer ?? []) found.set(path, one);
    const last = left.findLastIndex((path) => found.has(path));
    // After the last that was found comes one with nothing on it, or that could not be opened.
    left = answer === undefined ? [] : left.slice(last + 2);
  }
}

async function askStarts(asker: Asker, devices: readonly BlockDevice[]): Promise<Map<string, number>> {
  const starts = new Map<string, number>();
  const unknown = devices.filter(({ type, startBytes }) => type === 'part' && startBytes === undefined);
  await Promise.all(
    unknown.map(async ({ name, number }) => {
      const sectors = await asker.file(`/sys/class/block/${name}/start`, decimal, { mayBeAbsent: true });
      if (sectors !== undefined) starts.set(number, sectors * 512);
    }),
  );
  return starts;
}

function decimal(text: string): number {
  if (!/^\d+\n?$/.test(text)) throw new Error('not a number');
  return Number(text);
}

/** Where each disk is plugged in, by device number; of one that comes by a network, the session. */
export async function askPlaces(
  asker: Asker,
  devices: readonly BlockDevice[],
): Promise<{ readonly busPaths: Map<string, string>; readonly sessions: Sessions }> {
  const sysfsPaths = await askSysfsPaths(asker, devices);
  const sessions = await askSessions(asker, sysfsPaths);
  giveUpBroken(sessions, devices, asker);
  const places = [...sysfsPaths].flatMap(([number, path]) => {
    const place = busPathOf(path);
    const session = sessions.ofDisk.get(number);
    if (place === undefined) return [];
    return [[number, session === undefined ? place : `${endpointId(session)}/${basename(place)}`] as const];
  });
  return { busPaths: new Map(places), sessions };
}

async function askSysfsPaths(asker: Asker, devices: readonly BlockDevice[]): Promise<Map<string, string>> {
  const disks = devices.filter((device) => deviceKind(device) === 'disk');
  const [first, ...rest] = disks.map(({ name }) => `/sys/block/${name}`);
  if (first === undefined) return new Map();
  const paths = await asker.ask({
    argv: ['realpath', first, ...rest],
    subject: 'bus paths of disks',
    parse: (stdout) => {
      const lines = stdout.trimEnd().split('\n');
      if (lines.length !== disks.length) throw new Error('not one path for each disk');
      return lines;
    },
  });
  return new Map(disks.map(({ number }, index) => [number, paths?.[index] ?? '']));
}

/** The kernel tells nothing of unused room, alignment or the rest of a table: sfdisk reads it from the device. */
export async function askTables(asker: Asker, devices: readonly BlockDevice[]): Promise<Map<string, Table>> {
  const within = bounded(asker);
  const tables = new Map<string, Table>();
  await Promise.all(
    devices.map(async (device) => {
      if (device.type === 'part' || device.table === undefined) return;
      const table = await within.ask({
        argv: sfdiskArgv(device.path),
        parse: (stdout) => parseSfdisk(stdout, device.logicalSector ?? 512),
        subject: `partition table on ${device.path}`,
      });
      if (table !== undefined) tables.set(device.number, table);
    }),
  );
  return tables;
}
