/** Virtual machines for tests: any disks, answering within a second or two once one like it has been prepared. */
import { join } from 'node:path';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { sleep } from '../../src/kernel/wait.ts';
import { type Machine, startMachine } from '../../src/machine/machine.ts';
import { imagesOf } from '../../src/qemu/image.ts';
import type { Qemu } from '../../src/qemu/program.ts';
import type { Bus, Disk, MachineSpec, NetworkCard } from '../../src/qemu/spec.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import type { Release } from './builder.ts';
import { bootLimitMs, builderBoot, labEmulation, preparedState, stateIn } from './prepared.ts';

export interface LabDisk {
  readonly serial: string;
  readonly bytes: number;
  /** @default 'scsi' */
  readonly bus?: Bus;
  readonly sectorSize?: 512 | 4096;
  readonly wwn?: string;
}

export interface LabOptions {
  /** Whose tools are in it. @default 'debian12' */
  readonly release?: Release;
  /** @default 1024 */
  readonly memoryMiB?: number;
  /** @default 1 */
  readonly cpus?: number;
  readonly disks?: readonly LabDisk[];
  readonly cards?: readonly NetworkCard[];
}

/** A machine of the lab with its empty disks; gone with the end of its scope. */
export interface Lab extends AsyncDisposable {
  readonly machine: Machine;
  readonly host: Host;
  /** The names that the guest gave to its disks, such as `/dev/sda`, by their serial numbers. */
  readonly devices: ReadonlyMap<string, string>;
}

/** Starts a machine that was prepared, or prepares one: the first time boots it. */
export async function startLab(options: LabOptions, signal: AbortSignal): Promise<Lab> {
  const { release = 'debian12', memoryMiB = 1024, cpus = 1, disks = [], cards = [] } = options;
  const emulation = await labEmulation(signal);
  const boot = await builderBoot(release);
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const made = await makeImages(emulation.qemu, directory.path, disks, signal);
  const bare: MachineSpec = { name: release, memoryMiB, cpus, firmware: { kind: 'bios' }, boot, disks: [], cards };
  // Disks that cannot be put into a machine that runs are there from the start: such a machine boots.
  const fixed = made.filter(({ bus }) => bus === 'sata');
  const prepared =
    fixed.length === 0 ? { state: stateIn(await preparedState(emulation, bare, async () => {}, signal)) } : {};
  const machine = stack.use(await startMachine({ ...bare, disks: fixed }, { ...emulation, ...prepared }, signal));
  const lab = await furnished(machine, made, fixed, stack, signal);
  // Others have gone on from the same state.
  const newId = 'tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id';
  await lab.host.run(['sh', '-ec', newId], {}, signal);
  return lab;
}

/** A machine that was started becomes one of the lab: disks are put in that are not `fixed`, and it learns what time it is. */
export async function furnished(
  machine: Machine,
  disks: readonly Disk[],
  fixed: readonly Disk[],
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Lab> {
  const host = stack.use(await machine.connect(bootLimitMs, signal));
  for (const disk of disks) if (!fixed.includes(disk)) await machine.addDisk(disk, signal);
  await host.run(['date', '--set', `@${Math.floor(Date.now() / 1_000)}`], {}, signal);
  const devices = await devicesOf(
    host,
    disks.map(({ serial }) => serial),
    signal,
  );
  const owned = stack.move();
  return { machine, host, devices, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** An empty image for each of them, in this directory. */
export async function makeImages(
  qemu: Qemu,
  directory: string,
  disks: readonly LabDisk[],
  signal: AbortSignal,
): Promise<readonly Disk[]> {
  const images = imagesOf(qemu, localHost());
  return await Promise.all(
    disks.map(async ({ bytes, bus = 'scsi', ...disk }) => {
      const file = join(directory, `${disk.serial}.qcow2`);
      await images.create(file, bytes, signal);
      return { ...disk, file, bus, format: 'qcow2' as const };
    }),
  );
}

/** The guest's kernel needs a moment to see the disks that were put in, and udev to have done with them. */
export async function devicesOf(
  host: Host,
  serials: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { stdout } = await host.run(['lsblk', '-dnro', 'NAME,SERIAL'], { okCodes: [0, 1, 32] }, signal);
    const pairs = stdout
      .toString()
      .split('\n')
      .map((line) => line.split(' '));
    const found = new Map(pairs.map(([name = '', serial = '']) => [serial, `/dev/${name}`]));
    if (serials.every((serial) => found.has(serial))) {
      await host.run(['udevadm', 'settle'], {}, signal);
      return found;
    }
    await sleep(50, signal);
  }
  throw new Error(`the guest does not see all disks of ${serials.join(', ')}`);
}
