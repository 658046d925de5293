/**
 * A whole Debian system that has started from its disk as a server does: firmware, GRUB (by shim, where the firmware is UEFI), kernel,
 * systemd. Our agent is a service in it.
 */
import { join } from 'node:path';
import type { Argv, Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { sleep, throwIfAborted } from '../../src/kernel/wait.ts';
import { startMachine } from '../../src/machine/machine.ts';
import { imagesOf } from '../../src/qemu/image.ts';
import { uefiFirmware } from '../../src/qemu/program.ts';
import type { Bus, Disk, Firmware, MachineSpec } from '../../src/qemu/spec.ts';
import { cachedDirectory } from '../helpers/cache.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { furnished, type Lab, type LabOptions, makeImages } from './lab.ts';
import {
  bootLimitMs,
  digest,
  type Emulation,
  labEmulation,
  overlaysIn,
  preparedState,
  stateIn,
  withOverlays,
} from './prepared.ts';
import { systemImage } from './system/image.ts';

/** Systems by the firmware that starts them. */
export const firmwares = ['bios', 'uefi', 'secure-boot'] as const;
export type SystemFirmware = (typeof firmwares)[number];

export interface SystemOptions extends LabOptions {
  /** @default 'bios' */
  readonly firmware?: SystemFirmware;
  /** Of the disk that it is on, the serial number of which is `SYSTEM`. @default 'scsi' */
  readonly bus?: Bus;
  /** Disks with another system on them, in place of that one. */
  readonly images?: readonly Disk[];
  /** Whether it is switched on, in place of going on from the state of one that has booted. @default false */
  readonly cold?: boolean;
  /** @default false */
  readonly screen?: boolean;
}

export interface SystemLab extends Lab {
  /** What it writes to, of the disks with the system. */
  readonly images: readonly Disk[];
}

/** Starts a system; a reboot of it is one. It writes to images of its own. */
export async function startSystem(options: SystemOptions, signal: AbortSignal): Promise<SystemLab> {
  const { release = 'debian12', memoryMiB = 1024, cpus = 1, disks = [], cards = [], firmware = 'bios' } = options;
  const { bus = 'scsi', cold = false, screen = false } = options;
  const emulation = await labEmulation(signal);
  const { qemu } = emulation;
  const images = options.images ?? [
    { file: await systemImage(release, signal), format: 'qcow2', serial: 'SYSTEM', bus, bootIndex: 1 },
  ];
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const made = await makeImages(qemu, directory, disks, signal);
  const fixed = made.filter((disk) => disk.bus === 'sata');
  const bare: MachineSpec = {
    name: `system-${release}`,
    memoryMiB,
    cpus,
    firmware: await firmwareOf(emulation, firmware, signal),
    disks: images,
    cards,
    ...(screen ? { screen } : {}),
    onReboot: 'reboot',
  };
  // The state of NVMe disks cannot be kept.
  const boots = cold || fixed.length > 0 || bus === 'nvme';
  const kept = boots ? undefined : await preparedState(emulation, bare, (host) => settled(host, signal), signal);
  const from = kept === undefined ? bare : overlaysIn(bare, kept);
  const spec = await withOverlays(qemu, from, directory, signal);
  const state = kept === undefined ? {} : { state: stateIn(kept) };
  const all = { ...spec, disks: [...spec.disks, ...fixed] };
  const machine = stack.use(await startMachine(all, { ...emulation, ...state }, signal));
  const lab = await furnished(machine, made, fixed, stack, signal);
  return { ...lab, images: spec.disks };
}

/** Has a system start anew, and waits until it answers; its host from then on, as the one of before is lost. */
export async function rebooted({ machine, host }: Pick<Lab, 'machine' | 'host'>, signal: AbortSignal): Promise<Host> {
  return await restarted({ machine, host }, ['systemctl', 'reboot', '--no-block'], signal);
}

/** As {@link rebooted}, for any system that starts anew by that command. */
export async function restarted(
  { machine, host }: Pick<Lab, 'machine' | 'host'>,
  reboot: Argv,
  signal: AbortSignal,
): Promise<Host> {
  const before = await bootId(host, signal);
  await host.run(reboot, {}, signal);
  await host[Symbol.asyncDispose]();
  for (;;) {
    const next = await machine.connect(bootLimitMs, signal);
    // Its agent is there to the last moment, in which it may leave us without an answer.
    const now = await bootId(next, signal).catch(() => before);
    throwIfAborted(signal);
    if (now !== before) return next;
    await next[Symbol.asyncDispose]();
    await sleep(1_000, signal);
  }
}

/** Has a system end as its administrator does it, and waits until it has: by a power button only a machine with such a driver ends. */
export async function shutDown({ machine, host }: Pick<Lab, 'machine' | 'host'>, signal: AbortSignal): Promise<void> {
  await host.run(['systemctl', 'poweroff', '--no-block'], {}, signal);
  await machine.ended(bootLimitMs, signal);
}

async function bootId(host: Host, signal: AbortSignal): Promise<string> {
  return (await host.read('/proc/sys/kernel/random/boot_id', {}, signal)).toString();
}

/** Nothing is still being started in it, and nothing has failed to. */
async function settled(host: Host, signal: AbortSignal): Promise<void> {
  await host.run(['systemctl', 'is-system-running', '--wait'], { timeoutMs: bootLimitMs }, signal);
  await host.run(['sync'], { timeoutMs: bootLimitMs }, signal);
}

async function firmwareOf({ qemu, packages }: Emulation, kind: SystemFirmware, signal: AbortSignal): Promise<Firmware> {
  if (kind === 'bios') return { kind };
  const secureBoot = kind === 'secure-boot';
  const { code, variables } = await uefiFirmware(qemu, secureBoot);
  const directory = await cachedDirectory(`lab/firmware/${kind}-${digest([packages])}`, async (work) => {
    const file = join(work, 'variables.qcow2');
    await imagesOf(qemu, localHost()).convert(file, { file: variables, format: 'raw' }, signal);
  });
  return { kind: 'uefi', code, variables: join(directory, 'variables.qcow2'), secureBoot };
}
