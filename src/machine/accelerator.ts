/** Whether guests run on the processor itself here. */
import { access, constants } from 'node:fs/promises';
import { LifeboatError } from '../kernel/errors.ts';
import type { Qemu } from '../qemu/program.ts';
import type { Accelerator, DirectBoot } from '../qemu/spec.ts';
import { startMachine } from './machine.ts';

export interface Chosen {
  readonly accelerator: Accelerator;
  /** Why, for reports. */
  readonly reason: string;
}

/** Far more than a guest needs that runs on the processor itself. */
const probeLimitMs = 30_000;

/**
 * KVM where a guest really starts with it, else software emulation. That `/dev/kvm` can be opened says little: within some virtual
 * machines it can, and guests stop in their first instructions.
 *
 * @param boot a kernel with an initrd in which the agent starts
 */
export async function chooseAccelerator(qemu: Qemu, boot: DirectBoot, signal: AbortSignal): Promise<Chosen> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return { accelerator: 'tcg', reason: '/dev/kvm cannot be opened' };
  }
  const spec = {
    name: 'kvm-probe',
    memoryMiB: 512,
    cpus: 1,
    firmware: { kind: 'bios' },
    boot,
    disks: [],
    cards: [],
  } as const;
  try {
    await using machine = await startMachine(spec, { qemu, accelerator: 'kvm' }, signal);
    await using _host = await machine.connect(probeLimitMs, signal);
    return { accelerator: 'kvm', reason: 'a guest started with KVM' };
  } catch (error) {
    if (!(error instanceof LifeboatError) || error.code === 'interrupted') throw error;
    const [first = ''] = error.message.split('\n');
    return { accelerator: 'tcg', reason: `no guest starts with KVM: ${first}` };
  }
}
