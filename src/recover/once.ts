/**
 * That a machine was recovered, written down on its own disks: for those who look there, and for an unattended medium that is started again,
 * which does not do it twice.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { readMark } from '../layout/rebuild/mark.ts';
import type { ComponentOf } from '../layout/types.ts';
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

/**
 * Of an unattended recovery: it has ended once, and a medium that is left in the machine starts it again.
 *
 * @param disks that are here
 * @throws LifeboatError `recovered-before`
 */
export async function refuseTwice(
  disks: readonly ComponentOf<'disk'>[],
  { point, medium }: { readonly point: string; readonly medium?: string },
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  for (const disk of disks) {
    const recovered = (await readMark(host, disk, signal))?.recovered;
    if (recovered === undefined) continue;
    const isSame = recovered.point === point || (medium !== undefined && recovered.medium === medium);
    if (!isSame) continue;
    throw new LifeboatError(
      'recovered-before',
      `point ${recovered.point} was recovered here before, by itself: that is not done twice`,
      {
        hint: 'Take the medium out, and start the machine. To recover it again all the same: lifeboat recover',
      },
    );
  }
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
