/**
 * The state of a machine in a file: memory and devices, not its disks. Many machines can go on from one file, as it is only read;
 * disks that the machine has had are given to them as overlays of what they were. (Snapshots within the images, `savevm`, would have to be
 * copied for each.)
 */
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { limited, sleep } from '../kernel/wait.ts';
import type { Qmp } from '../qemu/qmp.ts';

/** How long it may take to write or read the memory of a machine, on a slow disk. */
const limitMs = 300_000;
const pollMs = 10;

const progressSchema = z.object({ status: z.string().optional(), 'error-desc': z.string().optional() });

/**
 * Writes the state; the machine stands still from then on.
 *
 * @throws LifeboatError `machine-failed` with the reason, as where it has an NVMe disk
 */
export async function saveState(qmp: Qmp, file: string, signal: AbortSignal): Promise<void> {
  await withMappedRam(qmp, signal);
  await qmp.execute('migrate', { uri: `file:${file}` }, signal);
  await migrated(qmp, signal);
}

/** Goes on from a state; for a QEMU that was started with the same devices, and with `-incoming defer`. */
export async function loadState(qmp: Qmp, file: string, signal: AbortSignal): Promise<void> {
  await withMappedRam(qmp, signal);
  await qmp.execute('migrate-incoming', { uri: `file:${file}` }, signal);
  await migrated(qmp, signal);
}

/** Each page has its place in the file: pages that are zero take no room, and all can be read at once. Of QEMU 9.0 on. */
async function withMappedRam(qmp: Qmp, signal: AbortSignal): Promise<void> {
  const capabilities = ['mapped-ram'].map((capability) => ({ capability, state: true }));
  await qmp.execute('migrate-set-capabilities', { capabilities }, signal);
}

async function migrated(qmp: Qmp, signal: AbortSignal): Promise<void> {
  const tooLong = () =>
    new LifeboatError('machine-timeout', 'the state of the machine was not written or read in time');
  using limit = limited(signal, limitMs, tooLong);
  for (;;) {
    const progress = progressSchema.parse(await qmp.execute('query-migrate', {}, limit.signal));
    if (progress.status === 'completed') return;
    if (progress.status === 'failed' || progress.status === 'cancelled') {
      throw new LifeboatError(
        'machine-failed',
        `the state of the machine: ${progress['error-desc'] ?? progress.status}`,
      );
    }
    await sleep(pollMs, limit.signal);
  }
}
