/**
 * The mark on a disk that is being written to: whose plan, and for which machine. A disk that was left half done, as by a power cut, is
 * known again by it and needs nobody to name it once more.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Host } from '../../host/host.ts';
import { asLifeboatError } from '../../kernel/errors.ts';
import { present } from '../../kernel/present.ts';
import type { Command } from '../../plan/action.ts';
import type { ComponentOf } from '../types.ts';
import { alone } from './alone.ts';
import { aboveOfKind, type Site } from './builder.ts';
import type { OrderedSite } from './site.ts';

const markSchema = z.object({
  /** Digest of the plan. */
  plan: z.string(),
  /** What the machine is built from: the same for every plan for it. */
  of: z.string(),
  /** Id of the disk: a copy of it on another means nothing. */
  disk: z.string(),
  /** When that was begun, or gone on with. */
  at: z.iso.datetime(),
  /** All disks that the plan marks, as {@link shortOf} has their ids. */
  disks: z.array(z.string()),
  /** Somebody agreed to lose what was on it: until that is gone it is no half-done disk. */
  was: z.enum(['blank', 'used']),
  /** What the plan makes on it, likewise; of a used one without what was there before by the same name. */
  makes: z.array(z.string()),
  /** Of a disk that is what it shall be, and whose machine nobody recovers a second time without being asked. */
  recovered: z
    .object({
      point: z.string(),
      medium: z.string().exactOptional(),
      /** When a medium that was left in the machine has last had the firmware start the machine itself. */
      startedOn: z.iso.datetime().exactOptional(),
    })
    .exactOptional(),
  /** Of a disk from which somebody may have started since: what is on it is nobody's to take without being asked. */
  startable: z.literal(true).exactOptional(),
  /** The point whose files are all there, of an attempt that has not come to its end, and whether somebody was there to agree to it. */
  filled: z.object({ point: z.string(), unattended: z.boolean() }).exactOptional(),
});

export type Mark = z.infer<typeof markSchema>;

const magic = 'lifeboat.mark/1 ';
const markBytes = 4096;
/** Behind a partition table and before the first partition: as tables are made today, and as they were in the days of cylinders. */
const places = [(1 << 20) - markBytes, 63 * 512 - markBytes];

/** Where a disk has room for a mark as long as it is being made; `undefined` for one that is used as a whole. */
export function markPlace(disk: string, site: Site): number | undefined {
  const tables = aboveOfKind(site, disk, 'table');
  const starts = tables.flatMap(({ id }) => aboveOfKind(site, id, 'partition').map(({ startBytes = 0 }) => startBytes));
  return tables.length === 0 ? undefined : places.find((place) => starts.every((start) => start >= place + markBytes));
}

/** The id of the action that marks a disk. */
export const markAction = (disk: string): string => `mark ${disk}`;

/** The disk whose mark a command reads, by the name of what it is given. */
export const markedDisk = (name: string): string | undefined => /^mark:(.*)$/.exec(name)?.[1];

/** Fails while somebody holds the disk or a part of it; then writes what an executor gives as `mark:<disk>` there. */
export function markCommands(disk: string, place: number, now: OrderedSite): Command[] {
  return [
    // It writes nothing, but opens the device for itself alone.
    alone(['wipefs', '--all', '--no-act', '--quiet'], disk, now),
    {
      argv: [
        'dd',
        { device: disk, before: 'of=' },
        `bs=${markBytes}`,
        `seek=${place}`,
        'oflag=seek_bytes',
        'conv=nocreat,notrunc,fsync',
        'status=none',
      ],
      stdin: { given: `mark:${disk}` },
    },
  ];
}

/** Its bytes. One in which there is no room for all that the plan makes names nothing of it. */
export function markContent(mark: Mark): Buffer {
  const lines = [mark, { ...mark, makes: [] }].map((one) => `${magic}${JSON.stringify(one)}\n`);
  const content = Buffer.alloc(markBytes);
  content.write(lines.find((line) => Buffer.byteLength(line) <= markBytes) ?? '');
  return content;
}

/** An id in a mark, where there is room for few. */
export const shortOf = (id: string): string => createHash('sha256').update(id).digest('hex').slice(0, 8);

/**
 * Takes the marks away from disks that have one: they are what they shall be.
 *
 * @param recovered what they say from here on, where they shall say something
 */
export async function unmark(
  disks: readonly ComponentOf<'disk'>[],
  host: Host,
  signal: AbortSignal,
  recovered?: Mark['recovered'],
): Promise<void> {
  await remark(disks, (mark) => (recovered === undefined ? undefined : { ...mark, recovered }), host, signal);
}

/**
 * From here on a machine may start from these disks, proven or not: a new attempt has to be told to take them.
 *
 * @param filled whose files are all there; `none`: that is not so any more
 */
export async function markStartable(
  disks: readonly ComponentOf<'disk'>[],
  host: Host,
  signal: AbortSignal,
  filled?: Mark['filled'] | 'none',
): Promise<void> {
  const next = ({ filled: before, ...mark }: Mark): Mark => ({
    ...mark,
    startable: true,
    ...present({ filled: filled === 'none' ? undefined : (filled ?? before) }),
  });
  await remark(disks, next, host, signal);
}

/** Of disks that say that they were recovered. */
export async function markStartedOn(
  disks: readonly ComponentOf<'disk'>[],
  at: Date,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const startedOn = at.toISOString();
  await remark(
    disks,
    ({ recovered, ...mark }) => ({ ...mark, ...(recovered && { recovered: { ...recovered, startedOn } }) }),
    host,
    signal,
  );
}

async function remark(
  disks: readonly ComponentOf<'disk'>[],
  next: (mark: Mark) => Mark | undefined,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  for (const disk of disks) {
    // Where there is none, a boot loader may be in its place.
    const found = await findMark(host, disk, signal);
    if (found === undefined) continue;
    const mark = next(found.mark);
    const stdin = mark === undefined ? Buffer.alloc(markBytes) : markContent(mark);
    const argv = ['dd', `of=${disk.device}`, `bs=${markBytes}`, 'iflag=fullblock', `seek=${found.place}`] as const;
    await host.run([...argv, 'oflag=seek_bytes', 'conv=nocreat,notrunc,fsync', 'status=none'], { stdin }, signal);
  }
}

/** A disk that has to start turning answers within that. */
const limitMs = 20_000;

export interface Marks {
  /** By the ids of the disks. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** Ids of disks that do not answer: nobody knows what is on them. */
  readonly silent: ReadonlySet<string>;
}

/** What these disks say of themselves. One that does not answer keeps nobody from the others. */
export async function marksOn(disks: readonly ComponentOf<'disk'>[], host: Host, signal: AbortSignal): Promise<Marks> {
  const marks = new Map<string, Mark>();
  const silent = new Set<string>();
  await Promise.all(
    disks.map(async (disk) => {
      const mark = await answered(readMark(host, disk, signal));
      if (mark === 'silent') silent.add(disk.id);
      else if (mark !== undefined) marks.set(disk.id, mark);
    }),
  );
  return { marks, silent };
}

/** What was asked of a device, or that it did not answer in time. */
export async function answered<T>(asked: Promise<T>): Promise<T | 'silent'> {
  try {
    return await asked;
  } catch (error) {
    if (asLifeboatError(error).code !== 'command-timeout') throw error;
    return 'silent';
  }
}

/** The mark on a disk, if it has one that is its own. @throws LifeboatError `command-timeout` */
export async function readMark(host: Host, disk: ComponentOf<'disk'>, signal: AbortSignal): Promise<Mark | undefined> {
  return (await findMark(host, disk, signal))?.mark;
}

async function findMark(
  host: Host,
  { id, device: path, sizeBytes }: ComponentOf<'disk'>,
  signal: AbortSignal,
): Promise<{ readonly mark: Mark; readonly place: number } | undefined> {
  for (const place of places) {
    if (place + markBytes > sizeBytes) continue;
    const { stdout } = await host.run(
      ['dd', `if=${path}`, `bs=${markBytes}`, 'count=1', `skip=${place}`, 'iflag=skip_bytes', 'status=none'],
      { okCodes: [0, 1], timeoutMs: limitMs },
      signal,
    );
    const mark = parseMark(stdout);
    if (mark?.disk === id) return { mark, place };
  }
  return undefined;
}

function parseMark(bytes: Buffer): Mark | undefined {
  const [line = ''] = bytes.toString('latin1').split('\n', 1);
  if (!line.startsWith(magic)) return undefined;
  try {
    return markSchema.safeParse(JSON.parse(line.slice(magic.length))).data;
  } catch {
    return undefined;
  }
}
