/** A layout that something is to be done by: what a slow machine did not answer the first time is asked again. */
import type { Host } from '../host/host.ts';
import { captureLayout } from './capture.ts';
import type { Layout } from './types.ts';

/** Without their answers nobody can tell what is on which disk, and what of it is in use. */
const essential: ReadonlySet<string> = new Set(['lsblk', 'blkid', 'findmnt']);

const attempts = 3;

/** @returns which of the questions were not answered without which nothing may be written, each with why */
export function unanswered({ gaps }: Pick<Layout, 'gaps'>): readonly string[] {
  return gaps.flatMap(({ subject, problem }) => (essential.has(subject) ? [`${subject}: ${problem}`] : []));
}

/** As {@link captureLayout}, some times over while such an answer is missing. @throws LifeboatError only what aborted `signal` */
export async function capturePatiently(host: Host, signal: AbortSignal): Promise<Layout> {
  let layout = await captureLayout(host, new Date(), signal);
  for (let attempt = 1; attempt < attempts && unanswered(layout).length > 0; attempt += 1) {
    layout = await captureLayout(host, new Date(), signal);
  }
  return layout;
}
