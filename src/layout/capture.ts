import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { handlers } from './handlers.ts';
import { probeLayout } from './probes.ts';
import { type Layout, layoutFormat } from './types.ts';

/**
 * How the storage of a host is built. Changes nothing on it, and ends within a bounded time: what cannot be seen
 * becomes a gap.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureLayout(host: Host, now: Date, signal: AbortSignal): Promise<Layout> {
  const questions = asker(host, signal);
  const probes = await probeLayout(questions);
  const found = Object.values(handlers).map((handler) => handler.capture(probes));
  return {
    format: layoutFormat,
    capturedAt: now.toISOString(),
    components: found.flatMap(({ components }) => [...components]),
    gaps: [...questions.gaps, ...found.flatMap(({ gaps }) => gaps)],
  };
}
