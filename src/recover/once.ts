/**
 * That a machine was recovered, written down on its own disks: for those who look there, and for an unattended medium that is started again,
 * which does not do it twice.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { sourceDigest } from '../layout/rebuild/document.ts';
import { type Mark, readMark } from '../layout/rebuild/mark.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import type { Recovered } from '../point/point.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';

const recoveredFormat = 'lifeboat.recovered/1';

const recoveredMarkSchema = z.object({
  format: z.literal(recoveredFormat),
  point: z.string(),
  host: z.string(),
  at: z.iso.datetime(),
  result: z.enum(['passed', 'sampled', 'failed', 'unproven']),
  /** Digest of the plan. */
  plan: z.string(),
  unattended: z.boolean(),
  /** Id of the medium, where it was started from one. */
  medium: z.string().exactOptional(),
});

export type RecoveredMark = z.output<typeof recoveredMarkSchema>;

export interface Again {
  readonly point: string;
  readonly medium?: string;
  /** The last recovery of the point that is on record: for disks that had no room for a mark. */
  readonly recovered?: Recovered;
}

/**
 * Of an unattended recovery: it has ended once, and a medium that is left in the machine starts it again. One that was cut off is done again.
 *
 * @param here the machine as it is now
 * @throws LifeboatError `recovered-before`
 */
export async function refuseTwice(
  here: Layout,
  { point, medium, recovered }: Again,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const marks: Mark[] = [];
  for (const disk of disksOf(here)) {
    const mark = await readMark(host, disk, signal);
    if (mark !== undefined) marks.push(mark);
  }
  const ended = marks.flatMap((mark) => mark.recovered ?? []);
  const same = ended.find((one) => one.point === point || (medium !== undefined && one.medium === medium));
  const isOnRecord = isOfThese(recovered, here);
  if (same === undefined && !isOnRecord) return;
  const done = same?.point ?? point;
  throw new LifeboatError(
    'recovered-before',
    `point ${done} was recovered here before: that is not done twice by itself`,
    {
      hint: 'Take the medium out, and start the machine. To recover it again all the same: lifeboat recover',
    },
  );
}

/**
 * Of disks that were built and finished for this machine, whose proof was cut off or failed: a new attempt would take what was done on them since.
 *
 * @throws LifeboatError `refused`
 */
export async function refuseStartable(here: Layout, captured: Layout, host: Host, signal: AbortSignal): Promise<void> {
  const of = sourceDigest(captured);
  for (const disk of disksOf(here)) {
    const mark = await readMark(host, disk, signal);
    if (mark?.of !== of || mark.startable !== true || mark.recovered !== undefined) continue;
    throw new LifeboatError(
      'refused',
      `${disk.device} (${disk.id}) was built for this machine, and it may have run since`,
      {
        hint: 'To finish and prove what is there: lifeboat recover --from finalize. To build it anew, name the disk: --map OLD=NEW.',
      },
    );
  }
}

/** Whether it was brought back on these very disks, and something is on them. */
function isOfThese(recovered: Recovered | undefined, here: Layout): boolean {
  if (recovered?.how !== 'recover' || recovered.what !== 'machine' || recovered.result === 'failed') return false;
  const used = new Set(here.components.flatMap(({ on }) => on));
  const serials = recovered.machine?.disks.map(({ serial }) => serial) ?? [];
  const isHere = (serial: string | undefined): boolean =>
    serial !== undefined && disksOf(here).some((disk) => disk.serial === serial && used.has(disk.id));
  return serials.length > 0 && serials.every(isHere);
}

/** In the recovered system. */
export const recoveredFile = '/var/lib/lifeboat/recovered.json';

export async function markRecovered(root: string, mark: Omit<RecoveredMark, 'format'>): Promise<void> {
  const path = join(root, recoveredFile);
  await makeDirectory(join(path, '..'), 0o700);
  await writeFileAtomic(path, `${JSON.stringify({ format: recoveredFormat, ...mark }, null, 2)}\n`);
}

/** @returns `undefined` where there is none that can be read */
export async function readRecovered(root: string): Promise<RecoveredMark | undefined> {
  try {
    return recoveredMarkSchema.safeParse(JSON.parse(await readFile(join(root, recoveredFile), 'utf8'))).data;
  } catch {
    return undefined;
  }
}
