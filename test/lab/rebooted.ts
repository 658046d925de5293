/** Machines with disks that outlive them: whose power can be cut, and which start again with what was written by then. */
import { join } from 'node:path';
import { z } from 'zod';
import { localHost } from '../../src/host/local.ts';
import { type Machine, startMachine } from '../../src/machine/machine.ts';
import { nodeName } from '../../src/qemu/command-line.ts';
import { imagesOf } from '../../src/qemu/image.ts';
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

/**
 * For a machine whose power is cut in many moments without its having to begin anew after each.
 *
 * @returns what gives the disks as a power cut at that moment leaves them, all at once; the machine goes on and writes to others
 */
export function freezer(
  { qmp }: Machine,
  disks: readonly Disk[],
  directory: string,
): (signal: AbortSignal) => Promise<readonly Disk[]> {
  let layer = disks;
  let count = 0;
  const nodeOf = (serial: string, number: number): string =>
    number === 0 ? nodeName(serial) : `${nodeName(serial)}-${number}`;
  return async (signal) => {
    const frozen = layer;
    const number = count++;
    layer = disks.map((disk) => ({ ...disk, file: join(directory, `${disk.serial}-${count}.qcow2`) }));
    const actions = layer.map(({ serial, file }) => ({
      type: 'blockdev-snapshot-sync',
      data: {
        'node-name': nodeOf(serial, number),
        'snapshot-node-name': nodeOf(serial, number + 1),
        'snapshot-file': file,
        format: 'qcow2',
      },
    }));
    await qmp.execute('transaction', { actions }, signal);
    return frozen;
  };
}

/** The same disks, all writing to which goes to new images in this directory. */
export async function overlaysOf(
  disks: readonly Disk[],
  directory: string,
  signal: AbortSignal,
): Promise<readonly Disk[]> {
  const { qemu } = await labEmulation(signal);
  const images = imagesOf(qemu, localHost());
  return await Promise.all(
    disks.map(async (disk): Promise<Disk> => {
      const file = join(directory, `${disk.serial}.qcow2`);
      await images.overlay(file, disk, signal);
      return { ...disk, file, format: 'qcow2' };
    }),
  );
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
