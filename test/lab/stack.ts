/** A stack of storage: a script that makes it by the plain tools, and the disks that it needs. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ofToday, ownCases } from '../helpers/suite.ts';
import { present } from '../../src/kernel/present.ts';
import type { LabDisk, Lab, LabOptions } from './lab.ts';
import { buses } from '../../src/qemu/spec.ts';
import { type Release, releases } from './builder.ts';
import { addVdo } from './vdo.ts';
import { addZfs } from './zfs.ts';

const folder = join(import.meta.dirname, 'stacks');

/** All of them: each is a file `stacks/<name>.sh`. */
export const stackNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.sh'))
  .map((file) => file.slice(0, -'.sh'.length))
  .sort();

export interface Stack {
  readonly name: string;
  readonly disks: readonly LabDisk[];
  /** Whose kernel and tools can make it. */
  readonly releases: readonly Release[];
  /** What the builder has not; the machine is given it before. */
  readonly needs?: 'zfs' | 'vdo';
  /** More than others. */
  readonly memoryMiB?: number;
  readonly script: string;
}

/** @throws Error for a name that is none, or a head that says no disks */
export function readStack(name: string): Stack {
  if (!stackNames.includes(name)) throw new Error(`no stack ${name}; there are: ${stackNames.join(', ')}`);
  const script = readFileSync(join(folder, `${name}.sh`), 'utf8');
  const [, disks] = /^# disks: (.+)$/m.exec(script) ?? [];
  if (disks === undefined) throw new Error(`${name}.sh: no line "# disks: A=512M B=1G:nvme …"`);
  const [, only] = /^# releases: (.+)$/m.exec(script) ?? [];
  const able = releases.filter((release) => only === undefined || only.split(' ').includes(release));
  const needs = (['zfs', 'vdo'] as const).find((one) => script.includes(`\n# needs: ${one}\n`));
  const [, memory] = /^# memory: (\d+)$/m.exec(script) ?? [];
  const memoryMiB = memory === undefined ? undefined : Number(memory);
  return { name, disks: disks.split(' ').map(parseDisk), releases: able, script, ...present({ needs, memoryMiB }) };
}

/** Those that a release can make. */
function stacksOf(release: Release): Stack[] {
  return stackNames.map(readStack).filter((stack) => stack.releases.includes(release));
}

export interface Scene {
  readonly release: Release;
  readonly stack: Stack;
}

/** The stacks of a family with every release that can make them; in the ordinary tests one of these, another each time. */
export function scenes(prefix: string): readonly Scene[] {
  const all = releases.flatMap((release) => stacksOf(release).map((stack) => ({ release, stack })));
  return ofToday(
    all.filter(({ stack }) => stack.name.startsWith(prefix) && (stack.needs !== 'zfs' || ownCases !== undefined)),
    new Date(),
  );
}

/** `SERIAL=SIZE[:BUS[:SECTOR]]`, such as `A=512M`, `B=1G:nvme`, `C=512M:scsi:4096`. */
export function parseDisk(text: string): LabDisk {
  const [, serial, number, unit, bus, sector] = /^([A-Z]\w*)=(\d+)([MGT])(?::(\w+))?(?::(512|4096))?$/.exec(text) ?? [];
  const known = buses.find((one) => one === (bus ?? 'scsi'));
  if (serial === undefined || known === undefined) throw new Error(`not a disk: ${text} (such as A=512M, B=1G:nvme)`);
  const bytes = Number(number) * 1024 ** (unit === 'M' ? 2 : unit === 'G' ? 3 : 4);
  return { serial, bytes, bus: known, ...(sector === '4096' ? { sectorSize: 4096 } : {}) };
}

/** `part DISK NUMBER` is a partition, whatever the kernel calls it. */
const prelude = 'part() { case $1 in *[0-9]) echo "$1p$2" ;; *) echo "$1$2" ;; esac; }\n';

/** Of the machine that a stack is made in. */
export function labOptions({ disks, memoryMiB }: Stack, release: Release): LabOptions {
  return { release, disks, ...present({ memoryMiB }) };
}

/** Programs of its kind that no builder machine has. */
export async function addNeeded({ needs }: Stack, lab: Lab, signal: AbortSignal): Promise<void> {
  if (needs === 'zfs') await addZfs(lab, signal);
  if (needs === 'vdo') await addVdo(lab, signal);
}

/** Makes the stack; the script finds each disk in a variable named as its serial number. */
export async function makeStack(stack: Stack, lab: Lab, signal: AbortSignal): Promise<void> {
  await addNeeded(stack, lab, signal);
  const { name, script } = stack;
  const { host, devices } = lab;
  const env = Object.fromEntries([...devices].filter(([serial]) => serial !== ''));
  const stdin = Buffer.from(prelude + script);
  try {
    await host.run(['bash', '-s'], { stdin, env, timeoutMs: 600_000 }, signal);
  } catch (error) {
    throw new Error(`the script of the stack ${name} failed`, { cause: error });
  }
}
