/** Runs each tool once and gives the handlers what they said, already parsed and with identities assigned. */
import type { Asker } from '../host/asker.ts';
import { busPathOf, contentKind, deviceIds, deviceKind } from './identity.ts';
import { mayHang, typeCategory } from './mount-category.ts';
import { blkidArgv, blkidOkCodes, parseBlkid } from './tools/blkid.ts';
import {
  findmntArgv,
  findmntSizesArgv,
  type MountEntry,
  parseFindmnt,
  parseFindmntSizes,
  parseStat,
  type Space,
  statArgv,
} from './tools/findmnt.ts';
import { type BlockDevice, lsblkAll, lsblkSome, parseLsblk } from './tools/lsblk.ts';
import { parseSwaps, type SwapEntry, swapsFile } from './tools/swaps.ts';

export interface Probes {
  readonly devices: readonly BlockDevice[];
  readonly mounts: readonly MountEntry[];
  readonly swaps: readonly SwapEntry[];
  /** Space by mount path, where it could be asked. */
  readonly space: ReadonlyMap<string, Space>;
  readonly busPaths: ReadonlyMap<string, string>;
  /** Component ids of devices, by device number. */
  readonly ids: ReadonlyMap<string, string>;
  /** Component ids of what lies on devices (filesystem, swap, member of something), by device number. */
  readonly contentIds: ReadonlyMap<string, string>;
  /** The device under a mount, or `undefined`. */
  deviceOfMount(mount: MountEntry): BlockDevice | undefined;
}

export async function probeLayout(asker: Asker): Promise<Probes> {
  const [listed, mounts = [], swaps = []] = await Promise.all([
    askDevices(asker),
    asker.ask({ argv: findmntArgv, parse: parseFindmnt }),
    asker.file(swapsFile, parseSwaps, { mayBeAbsent: true }),
  ]);
  const [devices, busPaths, space] = await Promise.all([
    completed(asker, listed),
    askBusPaths(asker, listed),
    askSpace(asker, mounts),
  ]);
  return assembleProbes({ devices, mounts, swaps, space, busPaths });
}

type Answers = Pick<Probes, 'devices' | 'mounts' | 'swaps' | 'space' | 'busPaths'>;

/** Pure: what was asked, put together. A device that is mounted has a filesystem even where nobody could probe it. */
function assembleProbes(answers: Answers): Probes {
  const byNumber = new Map(answers.devices.map((device) => [device.number, device]));
  const byPath = new Map(answers.devices.map((device) => [device.path, device]));
  const find = (mount: MountEntry) => byNumber.get(mount.number) ?? byPath.get(mount.source);
  const mountedAs = new Map<string, string>();
  for (const mount of answers.mounts) {
    const device = find(mount);
    if (device !== undefined && typeCategory(mount.fstype) === 'local') mountedAs.set(device.number, mount.fstype);
  }
  const devices = answers.devices.map((device) => {
    const fstype = device.fstype ?? mountedAs.get(device.number);
    return fstype === undefined ? device : { ...device, fstype };
  });
  const ids = deviceIds(devices, answers.busPaths);
  const completedByNumber = new Map(devices.map((device) => [device.number, device]));
  return {
    ...answers,
    devices,
    ids,
    contentIds: contentIds(devices, ids),
    deviceOfMount: (mount) => completedByNumber.get(find(mount)?.number ?? ''),
  };
}

/** A filesystem over several devices has one UUID and one id; a copy of one (a clone, a snapshot) gets a second id. */
function contentIds(devices: readonly BlockDevice[], ids: ReadonlyMap<string, string>): Map<string, string> {
  const result = new Map<string, string>();
  const taken = new Set<string>();
  for (const device of devices) {
    const kind = contentKind(device.fstype);
    if (kind === undefined) continue;
    const under = ids.get(device.number) ?? device.number;
    // Members of RAID, LVM and the like share the UUID of the whole.
    const place = `${kind === 'unknown' ? `unknown:${device.fstype}` : kind}:on:${under}`;
    const name = kind === 'unknown' || device.uuid === undefined ? place : `${kind}:${device.uuid}`;
    const id = taken.has(name) && device.fstype !== 'btrfs' ? place : name;
    taken.add(id);
    result.set(device.number, id);
  }
  return result;
}

async function askDevices(asker: Asker): Promise<BlockDevice[]> {
  const before = asker.gaps.length;
  const all = await asker.ask({ argv: lsblkAll, parse: parseLsblk });
  if (all !== undefined) return all;
  if (asker.gaps[before]?.problem.startsWith('no such program') === true) return [];
  return (await asker.ask({ argv: lsblkSome, parse: parseLsblk, subject: 'lsblk without sizes of filesystems' })) ?? [];
}

/** Fills in what lsblk knows only where udev runs, and what old versions do not tell. */
async function completed(asker: Asker, devices: readonly BlockDevice[]): Promise<BlockDevice[]> {
  const bare = devices.filter(
    (device) =>
      device.sizeBytes > 0 &&
      device.fstype === undefined &&
      (device.type === 'part' ? device.partType : device.table) === undefined,
  );
  const [first, ...rest] = bare.map(({ path }) => path);
  const probed =
    first === undefined
      ? undefined
      : await asker.ask({
          argv: blkidArgv([first, ...rest]),
          okCodes: blkidOkCodes,
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
  const starts = await askStarts(asker, devices);
  return devices.map((device) => {
    const startBytes = device.startBytes ?? starts.get(device.number);
    const whole = { ...device, ...probed?.get(device.path) };
    return startBytes === undefined ? whole : { ...whole, startBytes };
  });
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

async function askBusPaths(asker: Asker, devices: readonly BlockDevice[]): Promise<Map<string, string>> {
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
  const found = disks.map(({ number }, index): [string, string | undefined] => [
    number,
    busPathOf(paths?.[index] ?? ''),
  ]);
  return new Map(found.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** Not more than so many doubtful mounts are asked at a time, and all of them together for not longer than this. */
const concurrency = 16;
const doubtfulMs = 15_000;

async function askSpace(asker: Asker, mounts: readonly MountEntry[]): Promise<Map<string, Space>> {
  const asked = mounts.filter(({ fstype }) => typeCategory(fstype) !== 'pseudo');
  const doubtful = [...new Set(asked.filter(({ fstype }) => mayHang(fstype)).map(({ target }) => target))];
  // A dead mount also holds up who only walks through it.
  const through = doubtful.map((path) => `${path}/`);
  const sure = asked.filter(
    ({ fstype, target }) => !mayHang(fstype) && !through.some((path) => target.startsWith(path)),
  );
  const types = [...new Set(sure.map(({ fstype }) => fstype))].sort();
  const space = new Map<string, Space>();
  const [sizes] = await Promise.all([
    types.length === 0 || doubtful.includes('/')
      ? undefined
      : asker.ask({
          argv: findmntSizesArgv(types),
          parse: parseFindmntSizes,
          subject: 'used space of filesystems',
        }),
    askDoubtful(asker, doubtful, space),
  ]);
  for (const [path, found] of sizes ?? []) space.set(path, found);
  return space;
}

async function askDoubtful(asker: Asker, paths: readonly string[], space: Map<string, Space>): Promise<void> {
  const deadline = Date.now() + doubtfulMs;
  const waiting = [...paths];
  const worker = async (): Promise<void> => {
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      const left = deadline - Date.now();
      if (left <= 0) {
        asker.gap({ subject: path, problem: 'not asked for its used space: mounts before it did not answer' });
        continue;
      }
      const found = await asker.ask({ argv: statArgv(path), parse: parseStat, subject: path, timeoutMs: left });
      if (found !== undefined) space.set(path, found);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
