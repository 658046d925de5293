/** What containers have changed of their images, where their runtimes tell. */
import { asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import type { Gap } from '../host/gap.ts';
import type { Host } from '../host/host.ts';
import { inParallel } from '../kernel/parallel.ts';
import type { Container } from './model/container.ts';
import { runtimes } from './runtimes.ts';

/** More than these are not listed: a document is for people, and the files themselves are in the data. */
const most = 1_000;

/**
 * The same containers, with `rootfs.changes` where they have an image and their runtime tells within its time.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function withChanges(
  host: Host,
  containers: readonly Container[],
  signal: AbortSignal,
): Promise<{ readonly containers: readonly Container[]; readonly gaps: readonly Gap[] }> {
  const questions = bounded(asker(host, signal), { budgetMs: 120_000 });
  const all = await inParallel(containers, 2, async (container) => {
    const { runtime, id, name, image, rootfs } = container;
    if (image === undefined || rootfs === undefined) return container;
    const changes = await runtimes[runtime].changes?.(questions, id);
    if (changes === undefined) return container;
    if (changes.length > most)
      questions.gap({ subject: `changes of ${name}`, problem: `the first ${most} of ${changes.length} are listed` });
    return { ...container, rootfs: { ...rootfs, changes: changes.slice(0, most) } };
  });
  return { containers: all, gaps: questions.gaps };
}
