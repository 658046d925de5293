import type { Host } from '../../src/host/host.ts';
import { lookedAt } from '../../src/layout/rebuild/blank.ts';
import type { Layout } from '../../src/layout/types.ts';

/** Disks that a plan may take without being told to. */
export async function blankDisks(
  wanted: Layout,
  found: Layout,
  host: Host,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  return (await lookedAt(wanted, found, host, signal)).blank;
}
