/** A layout by which something is to be written: what a slow machine did not answer the first time is asked again. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { captureLayout } from './capture.ts';
import { swapsFile } from './tools/swaps.ts';
import type { Layout } from './types.ts';

/** Without their answers nobody can tell which disks there are and what of them is in use. */
const essential: ReadonlySet<string> = new Set(['lsblk without sizes of filesystems', 'findmnt', swapsFile]);

const attempts = 3;

const unanswered = ({ gaps }: Pick<Layout, 'gaps'>): readonly string[] =>
  gaps.flatMap(({ subject, problem }) => (essential.has(subject) ? [`${subject}: ${problem}`] : []));

/** @throws LifeboatError `refused` where such an answer is missing: a disk in use may look like one that is not */
export function refuseUnanswered(found: Pick<Layout, 'gaps'>): void {
  const missing = unanswered(found);
  if (missing.length === 0) return;
  throw new LifeboatError('refused', `what is on the disks here, and in use, was not told: ${missing.join('; ')}`, {
    hint: 'Nothing was touched. Where the machine was only slow, give the same command again; else see dmesg for a device that does not answer, and take it out.',
  });
}

/** As {@link captureLayout}, some times over while such an answer is missing. @throws LifeboatError as {@link refuseUnanswered}, and what aborted `signal` */
export async function capturePatiently(host: Host, signal: AbortSignal): Promise<Layout> {
  let layout = await captureLayout(host, new Date(), signal);
  for (let attempt = 1; attempt < attempts && unanswered(layout).length > 0; attempt += 1) {
    layout = await captureLayout(host, new Date(), signal);
  }
  refuseUnanswered(layout);
  return layout;
}
