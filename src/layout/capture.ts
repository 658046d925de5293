import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { waitingCommands } from '../host/waiting.ts';
import { fitting, guarded } from './fitting.ts';
import { handlers } from './handlers.ts';
import { keyDevices } from './key-devices.ts';
import { probeLayout } from './probes.ts';
import { claimsOf } from './stacked.ts';
import { type Component, type Gap, type Layout, layoutFormat } from './types.ts';

/**
 * How the storage of a host is built. Changes nothing on it, and ends within a bounded time: what cannot be seen
 * becomes a gap, and so does what does not fit together. `parseLayout` takes what comes of it.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureLayout(host: Host, now: Date, signal: AbortSignal): Promise<Layout> {
  const questions = asker(host, signal, await waitingCommands(host, signal));
  const kinds = handlers.map((handler) => guarded(handler, questions, signal));
  const probes = await probeLayout(questions, claimsOf(kinds));
  const found: readonly (readonly Component[])[] = await Promise.all(
    kinds.map(async (kind) => await kind.capture(probes, questions)),
  );
  const taken = new Set(found.flat().flatMap(({ on }) => on));
  const keys = await keyDevices(found.flat(), probes, questions);
  const bare = probes.devices
    .filter(
      ({ number, inner, sameAs }) =>
        inner !== true && sameAs === undefined && !taken.has(probes.ids.get(number) ?? number),
    )
    .map((device) => (keys.has(device.number) ? { ...device, holdsKey: true as const } : device));
  const rest: readonly (readonly Component[])[] = await Promise.all(
    kinds.map(async (kind) => await kind.rest(bare, probes, questions)),
  );
  const components = fitting([...found.flat(), ...rest.flat()], (gap) => questions.gap(gap));
  return { format: layoutFormat, capturedAt: now.toISOString(), components, gaps: withoutRepeats(questions.gaps) };
}

/** Several questions about one dead thing say the same of it. */
function withoutRepeats(gaps: readonly Gap[]): Gap[] {
  const seen = new Set<string>();
  return gaps.filter((gap) => {
    const key = JSON.stringify(gap);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
