/** States of machines that have booted and wait: made when one is wanted for the first time, and gone on from by any number. */
import { hash } from 'node:crypto';
import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { release as kernelRelease } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { chooseAccelerator } from '../../src/machine/accelerator.ts';
import { startMachine } from '../../src/machine/machine.ts';
import { commandLine, macOf } from '../../src/qemu/command-line.ts';
import { imagesOf } from '../../src/qemu/image.ts';
import { type Qemu, unpackedQemu } from '../../src/qemu/program.ts';
import type { Accelerator, DirectBoot, MachineSpec } from '../../src/qemu/spec.ts';
import { cachedDirectory } from '../helpers/cache.ts';
import { builderImage, type Release } from './builder.ts';
import { packageList } from './packages.ts';
import { labQemu } from './qemu.ts';

/** What machines of the lab run in. */
export interface Emulation {
  readonly qemu: Qemu;
  readonly accelerator: Accelerator;
  /** Which QEMU it is. */
  readonly packages: string;
}

/** Longer than any boot on a machine that is busy with ten other things. */
export const bootLimitMs = 600_000;

/** `nokaslr`, `mitigations=off`: a third less to do while booting under emulation. */
const kernelArguments = 'console=ttyS0 nokaslr mitigations=off quiet panic=-1';

export async function builderBoot(release: Release): Promise<DirectBoot> {
  return { ...(await builderImage(release)), append: kernelArguments };
}

export async function labEmulation(signal: AbortSignal): Promise<Emulation> {
  const tree = await labQemu();
  const qemu = unpackedQemu(tree);
  const packages = await readFile(join(tree, packageList), 'utf8');
  return { qemu, packages, accelerator: await labAccelerator(qemu, packages, signal) };
}

/**
 * The state of such a machine, in a directory in which also lies what {@link withOverlays} made of its images as they were then.
 *
 * @param settled what a machine that answers has to wait for before its state is kept
 */
export async function preparedState(
  { qemu, packages, accelerator }: Emulation,
  spec: MachineSpec,
  settled: (host: Host) => Promise<unknown>,
  signal: AbortSignal,
): Promise<string> {
  // What a card is connected to is no part of the state.
  const cards = spec.cards.map((card, index) => ({
    ...card,
    mac: macOf(card, index),
    network: { kind: 'segment', number: index } as const,
  }));
  const alike = { ...spec, cards };
  const files = { qmp: '', serial: '', serialLog: '', agent: '', pid: '' };
  const key = digest([
    packages,
    commandLine(alike, { accelerator, files, incoming: false }),
    accelerator === 'kvm' ? await processorHere() : '',
  ]);
  return await cachedDirectory(`lab/state/${spec.name}-${key}`, async (work) => {
    const own = await withOverlays(qemu, alike, work, signal);
    await using machine = await startMachine(own, { qemu, accelerator }, signal);
    await using host = await machine.connect(bootLimitMs, signal);
    await settled(host);
    await machine.saveState(stateIn(work), signal);
  });
}

export function stateIn(directory: string): string {
  return join(directory, 'state');
}

/** The same machine, all of whose writing goes to new files in this directory. */
export async function withOverlays(
  qemu: Qemu,
  spec: MachineSpec,
  directory: string,
  signal: AbortSignal,
): Promise<MachineSpec> {
  const own = overlaysIn(spec, directory);
  const images = imagesOf(qemu, localHost());
  for (const [index, disk] of spec.disks.entries()) await images.overlay(own.disks[index]?.file ?? '', disk, signal);
  if (spec.firmware.kind === 'uefi' && own.firmware.kind === 'uefi') {
    await images.overlay(own.firmware.variables, { file: spec.firmware.variables, format: 'qcow2' }, signal);
  }
  return own;
}

/** What {@link withOverlays} gave for this directory. */
export function overlaysIn(spec: MachineSpec, directory: string): MachineSpec {
  const { firmware } = spec;
  const at = (name: string) => join(directory, `${name}.qcow2`);
  return {
    ...spec,
    disks: spec.disks.map((disk) => ({ ...disk, file: at(disk.serial), format: 'qcow2' })),
    firmware: firmware.kind === 'bios' ? firmware : { ...firmware, variables: at('firmware') },
  };
}

/** What of this machine's processor a guest sees that runs on it. */
async function processorHere(): Promise<string> {
  const [first = ''] = (await readFile('/proc/cpuinfo', 'utf8')).split('\n\n');
  const lines = first
    .split('\n')
    .filter((line) => /^(vendor_id|cpu family|model|stepping|microcode|flags)\b/.test(line));
  return [kernelRelease(), ...lines].join('\n');
}

const chosenSchema = z.object({ accelerator: z.enum(['kvm', 'tcg']), reason: z.string() });

/** Found out once for each boot of this machine, and again where KVM can be opened that could not be, or the other way round. */
async function labAccelerator(qemu: Qemu, packages: string, signal: AbortSignal): Promise<Accelerator> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  const directory = await cachedDirectory(`lab/accelerator/of-${digest([bootId, packages, opens])}`, async (work) => {
    const chosen = await chooseAccelerator(qemu, await builderBoot('debian12'), signal);
    await writeFile(join(work, 'chosen'), JSON.stringify(chosen));
  });
  return chosenSchema.parse(JSON.parse(await readFile(join(directory, 'chosen'), 'utf8'))).accelerator;
}

export function digest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts)).slice(0, 16);
}
