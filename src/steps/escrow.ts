/** LUKS headers of this host, as they are kept with a point. They go from the devices into what is sealed, and into no state or journal. */
import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { waitingCommands } from '../host/waiting.ts';
import type { Layout } from '../layout/types.ts';
import { suffixFor } from '../point/envelope.ts';
import { allHeaders, maxKeptBytes, putEscrow } from '../point/escrow.ts';
import type { Point } from '../point/point.ts';
import type { Repository } from '../point/record-objects.ts';
import type { Say } from '../workflow/step.ts';

/**
 * Reads and writes them, where the repository seals. What cannot be read is told and stands in the record.
 *
 * @returns what the record says of them; `undefined` where there is no LUKS
 */
export async function keepHeaders(
  host: Host,
  layout: Layout,
  repository: Repository,
  { hostName, pointId }: { readonly hostName: string; readonly pointId: string },
  say: Say,
  signal: AbortSignal,
): Promise<Point['escrow']> {
  if (!layout.components.some(({ kind }) => kind === 'luks')) return undefined;
  const readAt = new Date().toISOString();
  const kept = await putEscrow(repository, hostName, pointId, { readAt, ...(await readNow()) }, signal);
  for (const { subject, problem } of kept.missing) say({ type: 'note', text: `${subject}: ${problem}` });
  return kept;

  async function readNow() {
    if (suffixFor(repository.keys) !== '.age')
      return {
        copied: [],
        missing: [{ subject: allHeaders, problem: 'not kept, as the repository is not encrypted' }],
      };
    const asking = asker(host, signal, await waitingCommands(host, signal));
    const { copyHeaders } = await import('../layout/luks-copy.ts');
    const copied = await copyHeaders(layout, asking, maxKeptBytes);
    return { copied, missing: asking.gaps.map(({ subject, problem }) => ({ subject, problem })) };
  }
}
