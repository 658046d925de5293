/** Rescue media of the lab: made once for all that want the same one, and started in machines without a system of their own. */
import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { Host } from '../../src/host/host.ts';
import { firmwareOf, type FirmwareKind } from '../../src/machine/firmware.ts';
import { type Machine, startMachine } from '../../src/machine/machine.ts';
import type { FormatOptions } from '../../src/media/formats/format.ts';
import { type Medium, mediumSchema } from '../../src/media/medium.ts';
import type { DirectBoot, Disk, MachineSpec, NetworkCard } from '../../src/qemu/spec.ts';
import { cachedDirectory, cachePath, lockWhenFree } from '../helpers/cache.ts';
import { root } from '../helpers/cli.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { type LabDisk, makeImages } from './lab.ts';
import { labEmulation } from './prepared.ts';

export interface MediumOptions {
  /** @default 'iso' */
  readonly format?: string;
  /** @default 'debian' */
  readonly kernel?: string;
  readonly allModules?: boolean;
  /** What goes in of a host, such as `/etc/lifeboat/captured/network.json`. @default nothing: the network comes up by DHCP */
  readonly files?: readonly { readonly path: string; readonly content: string; readonly mode?: number }[];
  /** For the kernel's command line, besides those that make it quicker under emulation. */
  readonly words?: readonly string[];
  /** What only some formats take. */
  readonly options?: FormatOptions;
}

export interface LabMedium {
  /** The image, or the directory for formats that are one. Nobody may change it. */
  readonly file: string;
  readonly medium: Medium;
}

/** Where what all media have in common is kept: the base, tools, Debian's kernel, the key of their ssh server. */
export const rescueState = cachePath('lab/rescue');

/** The medium, made where it is not kept: of `dist/` as it is now, so build that first. Takes minutes where there is no base yet. */
export async function rescueMedium(options: MediumOptions = {}): Promise<LabMedium> {
  const { format = 'iso', kernel = 'debian', allModules = false, files = [], words = [], options: own } = options;
  const request = {
    ...(own === undefined ? {} : { options: own }),
    format,
    kernel,
    allModules,
    files,
    // The last one is for kernels that are given no time to run in: they panic for want of their timer.
    words: ['nokaslr', 'mitigations=off', 'no_timer_check', ...words],
    program: root,
    version: '0.0.0',
    host: 'lab',
    of: {},
    cache: join(rescueState, 'rescue/cache'),
    lock: join(rescueState, 'rescue/packages.lock'),
    stateDir: rescueState,
  };
  const directory = await cachedDirectory(`lab/media/${format}-${await digestOf(request)}`, async (work) => {
    // One at a time: whoever finds another making the base would fail.
    await using _lock = await lockWhenFree(join(rescueState, 'making'));
    const made = await makeMedium({ ...request, output: join(work, 'medium') });
    await writeFile(join(work, 'medium.json'), JSON.stringify(made));
  });
  const medium = mediumSchema.parse(JSON.parse(await readFile(join(directory, 'medium.json'), 'utf8')));
  return { file: join(directory, 'medium'), medium };
}

async function makeMedium(request: object): Promise<Medium> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'rescue-child.mjs')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(JSON.stringify(request));
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (code !== 0) throw new Error(`no medium was made:\n${stderr}`);
  return z.object({ medium: mediumSchema }).parse(JSON.parse(stdout)).medium;
}

/** Of all that a medium is made from. */
async function digestOf(request: object): Promise<string> {
  const folders = ['bin', 'dist', 'rescue', 'native/build'];
  const lists = await Promise.all(
    folders.map(async (name) => await readdir(join(root, name), { recursive: true, withFileTypes: true })),
  );
  const names = lists
    .flat()
    .filter(
      (entry) =>
        entry.isFile() && !/\.(map|d\.ts|tsbuildinfo)$|\.compile-cache/.test(join(entry.parentPath, entry.name)),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const contents = await Promise.all(names.map(async (name) => hash('sha256', await readFile(name))));
  return hash('sha256', JSON.stringify([request, process.version, names, contents])).slice(0, 16);
}

export interface RescueOptions {
  /** @default 'bios' */
  readonly firmware?: FirmwareKind;
  /** What an image is put into; `none` where the machine starts otherwise. @default 'cd' */
  readonly as?: 'cd' | 'stick' | 'disk' | 'none';
  /** @default 1024 */
  readonly memoryMiB?: number;
  readonly disks?: readonly LabDisk[];
  /** Disks with something on them. */
  readonly images?: readonly Disk[];
  /** @default one that has DHCP and reaches nothing */
  readonly cards?: readonly NetworkCard[];
  readonly boot?: DirectBoot;
}

/** A machine that starts a medium; gone with the end of its scope. It has a screen, and 1 processor. */
export interface Rescue extends AsyncDisposable {
  readonly machine: Machine;
  /** Waits for the menu on the serial line; gives all that this shows. */
  menu(signal: AbortSignal): Promise<string>;
  /** The rescue system as a host, by lifeboat's agent; waits until it answers. */
  host(signal: AbortSignal): Promise<Host>;
}

/** Longer than any start on a machine that is busy with ten other things. */
export const rescueLimitMs = 900_000;

export async function startRescue(file: string, options: RescueOptions, signal: AbortSignal): Promise<Rescue> {
  const { firmware = 'bios', as = 'cd', memoryMiB = 1024, disks = [], images = [], cards, boot } = options;
  const emulation = await labEmulation(signal);
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const own = await makeImages(emulation.qemu, directory, disks, signal);
  const medium = { file, format: 'raw', serial: 'LIFEBOAT', bootIndex: 1, readOnly: true } as const;
  const attached = {
    stick: [{ ...medium, bus: 'usb' }],
    disk: [{ ...medium, bus: 'scsi' }],
    cd: [],
    none: [],
  } as const;
  const spec: MachineSpec = {
    name: 'rescue',
    memoryMiB,
    cpus: 1,
    firmware: await firmwareOf(firmware, emulation.qemu, directory, signal),
    disks: [...own, ...images, ...attached[as]],
    cards: cards ?? [{ network: { kind: 'user' } }],
    screen: true,
    ...(as === 'cd' ? { cd: { file, bootIndex: 1 } } : {}),
    ...(boot === undefined ? {} : { boot }),
  };
  const machine = stack.use(await startMachine(spec, emulation, signal));
  const owned = stack.move();
  return {
    machine,
    async menu(own) {
      await machine.serial.waitFor(/Number, or arrow keys, then Enter:/, rescueLimitMs, own);
      return machine.serial.text();
    },
    host: async (own) => await machine.connect(rescueLimitMs, own),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
