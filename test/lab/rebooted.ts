/** Machines with disks that outlive them: whose power can be cut, and which start again with what was written by then. */
import { z } from 'zod';
import { type Machine, startMachine } from '../../src/machine/machine.ts';
import type { Disk, MachineSpec } from '../../src/qemu/spec.ts';
import { furnished, type Lab, type LabDisk, makeImages } from './lab.ts';
import { builderBoot, labEmulation, preparedState, stateIn } from './prepared.ts';

/** Empty images, to be started with any number of times. */
export async function imagesIn(
  directory: string,
  disks: readonly LabDisk[],
  signal: AbortSignal,
): Promise<readonly Disk[]> {
  const { qemu } = await labEmulation(signal);
  return await makeImages(qemu, directory, disks, signal);
}

/** A machine of Debian 12 with these disks; disposing it is a power cut. */
export async function bootedWith(disks: readonly Disk[], signal: AbortSignal): Promise<Lab> {
  const emulation = await labEmulation(signal);
  const boot = await builderBoot('debian12');
  const firmware = { kind: 'bios' } as const;
  const bare: MachineSpec = { name: 'debian12', memoryMiB: 1024, cpus: 1, firmware, boot, disks: [], cards: [] };
  const state = stateIn(await preparedState(emulation, bare, async () => {}, signal));
  await using stack = new AsyncDisposableStack();
  const machine = stack.use(await startMachine(bare, { ...emulation, state }, signal));
  return await furnished(machine, disks, [], stack, signal);
}

const chardevsSchema = z.array(z.object({ label: z.string(), filename: z.string() }));

/** Where the agent of a machine is reached, for who connects from another process. */
export async function agentSocket({ qmp }: Machine, signal: AbortSignal): Promise<string> {
  const all = chardevsSchema.parse(await qmp.execute('query-chardev', {}, signal));
  const agent = all.find(({ label }) => label === 'agent')?.filename ?? '';
  const [, path] = /unix:([^,]+)/.exec(agent) ?? [];
  if (path === undefined) throw new Error(`no socket in ${agent}`);
  return path;
}
