/** The files of the machine: thin images of its disks, the variables of its firmware; and what QEMU is told. */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { localHost } from '../host/local.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { siteOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import { firmwareOf } from '../machine/firmware.ts';
import { imagesOf } from '../qemu/image.ts';
import type { Qemu } from '../qemu/program.ts';
import type { MachineSpec } from '../qemu/spec.ts';
import type { DrillMachine } from './machine.ts';

/**
 * Blank disks come before the medium in the order of the firmware, which passes them over: when they hold a system, it starts, and nobody
 * takes the medium out.
 *
 * @param directory for the images, which lives as long as the machine
 */
export async function builtMachine(
  { disks, cards, firmware, memoryMiB, cpus }: DrillMachine,
  layout: Layout,
  medium: string,
  directory: string,
  qemu: Qemu,
  signal: AbortSignal,
): Promise<MachineSpec> {
  await using host = localHost();
  const images = imagesOf(qemu, host);
  const order = bootOrder(
    disks.map(({ of }) => of),
    layout,
  );
  const made = [];
  for (const { of, sizeBytes, ...disk } of disks) {
    const file = join(directory, `${disk.serial}.qcow2`);
    await images.create(file, sizeBytes, signal);
    await chmod(file, 0o600);
    made.push({ ...disk, file, format: 'qcow2' as const, bootIndex: order.indexOf(of) + 1 });
  }
  return {
    name: 'drill',
    memoryMiB,
    cpus,
    firmware: await firmwareOf(firmware, qemu, directory, signal),
    disks: made,
    cd: { file: medium, bootIndex: made.length + 1 },
    // Each leads to nothing but a server of addresses of its own.
    cards: cards.map((card) => ({ ...card, network: { kind: 'user' } })),
    screen: true,
    tellsPanic: true,
    onReboot: 'reboot',
  };
}

/** Disks with a loader first: a firmware that is started with another may take what it finds there for one. */
export function bootOrder(ids: readonly string[], layout: Layout): readonly string[] {
  const whole = withWholeDisks(layout);
  const site = siteOf(whole.components);
  const booted = new Set(whole.components.flatMap(({ id, kind }) => (kind === 'loader' ? site.disksUnder(id) : [])));
  return [...ids.filter((id) => booted.has(id)), ...ids.filter((id) => !booted.has(id))];
}
