/** What a machine has taken in between. */
import type { Usage } from '../../src/machine/meter.ts';

export const usageSince = (before: Usage, after: Usage): Usage => ({
  wallSeconds: after.wallSeconds - before.wallSeconds,
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
});
