/** Virtual machines for tests: any disks, answering within a second or two once one like it has been prepared. */
import { hash } from 'node:crypto';
import { access, constants, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { release as kernelRelease, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import { localHost } from '../../src/host/local.ts';
import { sleep } from '../../src/kernel/wait.ts';
import { chooseAccelerator } from '../../src/machine/accelerator.ts';
import { type Machine, startMachine } from '../../src/machine/machine.ts';
import { commandLine, macOf } from '../../src/qemu/command-line.ts';
import { imagesOf } from '../../src/qemu/image.ts';
import { type Qemu, unpackedQemu } from '../../src/qemu/program.ts';
import type { Accelerator, Bus, DirectBoot, Disk, MachineSpec, NetworkCard } from '../../src/qemu/spec.ts';
import { cachedDirectory } from '../helpers/cache.ts';
import { builderImage, type Release } from './builder.ts';
import { packageList } from './packages.ts';
import { labQemu } from './qemu.ts';

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

/** `nokaslr`, `mitigations=off`: a third less to do while booting under emulation. */
const kernelArguments = 'console=ttyS0 nokaslr mitigations=off quiet panic=-1';

/** What has to be different from how it was in the state, which others have gone on from too. */
const awake = 'date --set "@$1" > /dev/null; tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id';

/** Longer than any boot on a machine that is busy with ten other things. */
const bootLimitMs = 240_000;

/** Starts a machine that was prepared, or prepares one: the first time boots it. */
export async function startLab(options: LabOptions, signal: AbortSignal): Promise<Lab> {
  const { release = 'debian12', memoryMiB = 1024, cpus = 1, disks = [], cards = [] } = options;
  const tree = await labQemu();
  const qemu = unpackedQemu(tree);
  const packages = await readFile(join(tree, packageList), 'utf8');
  const boot = { ...(await builderImage(release)), append: kernelArguments };
  const accelerator = await labAccelerator(qemu, packages, boot, signal);
  await using stack = new AsyncDisposableStack();
  const directory = stack.adopt(await mkdtemp(join(tmpdir(), 'lifeboat-lab-')), async (path) => {
    await rm(path, { recursive: true, force: true });
  });
  const made = await makeImages(qemu, directory, disks, signal);
  const bare: MachineSpec = { name: release, memoryMiB, cpus, firmware: { kind: 'bios' }, boot, disks: [], cards };
  // Disks that cannot be put into a machine that runs are there from the start: such a machine boots.
  const fixed = made.filter(({ bus }) => bus === 'sata');
  const prepared = fixed.length === 0 ? await preparedState(qemu, packages, accelerator, bare, signal) : {};
  const machine = stack.use(await startMachine({ ...bare, disks: fixed }, { qemu, accelerator, ...prepared }, signal));
  const host = stack.use(await machine.connect(bootLimitMs, signal));
  for (const disk of made) if (!fixed.includes(disk)) await machine.addDisk(disk, signal);
  await host.run(['sh', '-ec', awake, 'sh', String(Math.floor(Date.now() / 1_000))], {}, signal);
  const devices = await devicesOf(
    host,
    made.map(({ serial }) => serial),
    signal,
  );
  const owned = stack.move();
  return { machine, host, devices, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function makeImages(
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

/** The state of such a machine, booted and waiting, made when it is wanted for the first time. */
async function preparedState(
  qemu: Qemu,
  packages: string,
  accelerator: Accelerator,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<{ readonly state: string }> {
  // What a card is connected to is no part of the state.
  const cards = spec.cards.map((card, index) => ({
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
  const directory = await cachedDirectory(`lab/state/${spec.name}-${key}`, async (work) => {
    await using machine = await startMachine(alike, { qemu, accelerator }, signal);
    await using _host = await machine.connect(bootLimitMs, signal);
    await machine.saveState(join(work, 'state'), signal);
  });
  return { state: join(directory, 'state') };
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
async function labAccelerator(
  qemu: Qemu,
  packages: string,
  boot: DirectBoot,
  signal: AbortSignal,
): Promise<Accelerator> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  const directory = await cachedDirectory(`lab/accelerator/of-${digest([bootId, packages, opens])}`, async (work) => {
    await writeFile(join(work, 'chosen'), JSON.stringify(await chooseAccelerator(qemu, boot, signal)));
  });
  return chosenSchema.parse(JSON.parse(await readFile(join(directory, 'chosen'), 'utf8'))).accelerator;
}

function digest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts)).slice(0, 16);
}

/** The guest's kernel needs a moment to see the disks that were put in, and udev to have done with them. */
async function devicesOf(host: Host, serials: readonly string[], signal: AbortSignal): Promise<Map<string, string>> {
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
