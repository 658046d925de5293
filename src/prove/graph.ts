/** The storage as it is, against the plan by which it was made. */
import type { Host } from '../host/host.ts';
import type { Change } from '../kernel/change.ts';
import { captureLayout } from '../layout/capture.ts';
import { rebuiltChanges } from '../layout/rebuild/compared.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { failingMembers } from '../layout/rebuild/members.ts';
import { captureWhole } from '../layout/rebuild/whole.ts';
import type { Layout } from '../layout/types.ts';

export interface GraphProof {
  /** As it is now. */
  readonly layout: Layout;
  readonly changes: readonly Change[];
}

/** @param plan absent where the disks were made by nobody here: then there is nothing to compare with */
export async function proveGraph(plan: Plan | undefined, host: Host, signal: AbortSignal): Promise<GraphProof> {
  if (plan === undefined) return { layout: await captureLayout(host, new Date(), signal), changes: [] };
  const layout = await captureWhole(plan, host, signal);
  return { layout, changes: [...rebuiltChanges(plan, layout), ...(await failingMembers(plan, layout, host, signal))] };
}
