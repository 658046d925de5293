/** A host of many disks: a recorded one, several times side by side. */
import { z } from 'zod';
import type { Argv, Host, RunOptions, RunResult } from '../../src/host/host.ts';
import { recordedHost } from '../../src/host/recorded.ts';
import { disks } from '../record/disks.ts';

const loops: readonly number[] = Object.values(disks).map(({ loop }) => loop);
const ourLoop = new RegExp(`loop(${loops.join('|')})`, 'g');

/** `nvme8n1` is the third disk of the second copy where there are six disks. */
const ourDisk = /nvme(\d+)n1/g;

const table = z.object({ blockdevices: z.array(z.looseObject({ name: z.string() })) });
const mountTable = z.object({
  filesystems: z.array(z.looseObject({ target: z.string(), source: z.string().nullish() })),
});

/**
 * Answers for `copies` times the disks of a recording of `test/record`, each copy with names, UUIDs, device numbers and
 * mount points of its own. Only what the recording was asked of one copy can be asked of another.
 */
export function manyDisks(recording: unknown, copies: number): Host {
  const one = recordedHost(recording);
  const all = Array.from({ length: copies }, (_, copy) => copy);

  const answer = async (argv: Argv, options: RunOptions, signal: AbortSignal): Promise<string> => {
    const ask = async (argv: Argv) => (await one.run(argv, options, signal)).stdout.toString('latin1');
    const [program, ...args] = argv;
    if (program === 'realpath')
      return args.map((path) => `/sys/devices/pci0000:00/${path.slice('/sys/'.length)}\n`).join('');
    if (program === 'lsblk') {
      const { blockdevices } = table.parse(JSON.parse(await ask(argv)));
      const ours = blockdevices.filter(({ name }) => name.startsWith('loop'));
      return `{"blockdevices":[${all.flatMap((copy) => ours.map((row) => renamed(JSON.stringify(row), copy))).join()}]}`;
    }
    if (program === 'findmnt') {
      const { filesystems } = mountTable.parse(JSON.parse(await ask(argv)));
      const rows = all.flatMap((copy) =>
        filesystems
          .filter(({ source, target }) => copy === 0 || source?.startsWith('/dev/loop') || isPlace(target))
          .map((row) => renamed(JSON.stringify({ ...row, target: below(row.target, copy) }), copy)),
      );
      return `{"filesystems":[${rows.join()}]}`;
    }
    // Of a question about devices of several copies, each copy answers for its own.
    const asked = new Set(args.flatMap((arg) => copyOf(arg) ?? []));
    const parts = (asked.size === 0 ? [0] : [...asked]).map(async (copy) => {
      const own = args.filter((arg) => (copyOf(arg) ?? copy) === copy).map(original);
      return renamed(await ask([program, ...own]), copy);
    });
    // Only blkid puts something between the answers for two devices: an empty line.
    return (await Promise.all(parts)).filter((part) => part !== '').join(program === 'blkid' ? '\n' : '');
  };

  return {
    ...one,
    name: `${copies} times ${one.name}`,
    async run(argv, options, signal): Promise<RunResult> {
      return { code: 0, stdout: Buffer.from(await answer(argv, options, signal), 'latin1'), stderr: '' };
    },
    async read(path, options, signal) {
      const text = await one.read(original(path), options, signal);
      return Buffer.from(renamed(text.toString('latin1'), copyOf(path) ?? 0), 'latin1');
    },
  };
}

const places = /(?<=^|[\s"\0])\/(?=(?:boot|home|mnt|opt|srv|tank)(?:\/|"|$))/gm;

function isPlace(path: string): boolean {
  return path !== '/mnt/overlay' && path.search(places) === 0;
}

function below(path: string, copy: number): string {
  return copy === 0 ? path : `/copy${copy}${path === '/' ? '' : path}`;
}

/** Which copy an argument is about, or `undefined`: about none. */
function copyOf(arg: string): number | undefined {
  const disk = [...arg.matchAll(ourDisk)][0]?.[1];
  if (disk !== undefined) return Math.floor(Number(disk) / loops.length);
  const place = /^\/copy(\d+)/.exec(arg)?.[1];
  if (place !== undefined) return Number(place);
  return isPlace(arg) ? 0 : undefined;
}

function original(arg: string): string {
  return arg.replace(/^\/copy\d+/, '').replaceAll(ourDisk, (_, disk) => `loop${loops[Number(disk) % loops.length]}`);
}

function renamed(text: string, copy: number): string {
  const inCopy = text
    .replaceAll(ourLoop, (_, loop) => `nvme${copy * loops.length + loops.indexOf(Number(loop))}n1`)
    .replaceAll('"type":"loop"', '"type":"disk"');
  if (copy === 0) return inCopy;
  return inCopy
    .replaceAll(places, `/copy${copy}/`)
    .replaceAll(/"maj:min":"(\d+):/g, (_, major) => `"maj:min":"${Number(major) + 1000 * copy}:`)
    .replaceAll(/(?<=[01]b0f1a)4e/gi, (digits) =>
      (0x4e + copy).toString(16)[digits === '4E' ? 'toUpperCase' : 'toLowerCase'](),
    );
}
