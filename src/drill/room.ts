/** What a drill may take of the host that it is made on: time, memory, and room for its disks. Pure. */
import { LifeboatError } from '../kernel/errors.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Component, Layout } from '../layout/types.ts';

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** How long a drill takes that nobody has given a limit: three hours, and a minute for each 256 MiB of files. */
export const usualLimitMs = (bytes: number): number => 3 * 3_600_000 + Math.ceil(bytes / (256 * MiB)) * 60_000;

/** What stays free of a filesystem for those who work there: a twentieth of it, within bounds. */
export const reserveOf = (totalBytes: number): number => Math.min(10 * GiB, Math.max(512 * MiB, totalBytes / 20));

/** What its images take: the files, with what a filesystem needs besides, as often as the host has them; and a system that starts. */
export function imageBytes(layout: Layout, bytes: number, diskBytes: readonly number[]): number {
  const wanted = GiB + bytes * 1.1 * copiesIn(layout);
  const most = diskBytes.reduce((sum, size) => sum + size, 0);
  return Math.ceil(Math.min(wanted, most));
}

/** How often what is written to its disks is written, at most. */
export function copiesIn({ components }: Pick<Layout, 'components'>): number {
  return Math.max(1, ...components.map(ofOne));
}

function ofOne(one: Component): number {
  if (one.kind === 'md' && one.geometry !== undefined) return ofLevel(one.geometry.level, one.geometry.raidDevices);
  if (one.kind === 'btrfs')
    return Math.max(
      1,
      ...Object.values(one.geometry?.profiles ?? {})
        .flat()
        .map(ofProfile),
    );
  if (one.kind === 'zpool') return one.on.length > 1 ? 2 : 1;
  if (one.kind === 'lv') return Math.max(1, ...(one.segments ?? []).map(({ dataCopies = 1 }) => dataCopies));
  return 1;
}

const ofLevel = (level: string, members: number): number =>
  level === 'raid1' ? members : /^raid(?:10|4|5|6)$/.test(level) ? 2 : 1;

const ofProfile = (profile: string): number => {
  const copies = /^raid1c([34])$/i.exec(profile)?.[1];
  return copies === undefined ? (/^(?:dup|raid)[^0]?/i.test(profile) && profile !== 'raid0' ? 2 : 1) : Number(copies);
};

export interface Space {
  readonly directory: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** @throws LifeboatError `no-space` where so much cannot go without taking what others need */
export function checkSpace(what: string, bytes: number, { directory, freeBytes, totalBytes }: Space): void {
  const reserve = reserveOf(totalBytes);
  if (freeBytes - bytes >= reserve) return;
  const need = `${what} take up to ${formatBytes(bytes)}, and ${formatBytes(reserve)} have to stay free`;
  throw new LifeboatError('no-space', `there is no room at ${directory}: ${need}; free are ${formatBytes(freeBytes)}`, {
    hint: 'Free some space there, or name a directory on another filesystem with --keep, and remove what is in it afterwards.',
  });
}

/** What QEMU takes besides the memory of its machine. */
const overheadMiB = 256;

export interface Memory {
  /** Without swapping. */
  readonly availableMiB: number;
  readonly totalMiB: number;
}

/** @throws LifeboatError `no-memory` where a machine would take what the host needs for its own work */
export function checkMemory(machineMiB: number, { availableMiB, totalMiB }: Memory): void {
  const reserve = Math.max(256, Math.round(totalMiB / 20));
  if (machineMiB + overheadMiB + reserve <= availableMiB) return;
  const text = (mib: number): string => formatBytes(mib * MiB);
  throw new LifeboatError(
    'no-memory',
    `a machine with ${text(machineMiB)} of memory takes ${text(machineMiB + overheadMiB)}, and ${text(reserve)} have to stay free: available are ${text(availableMiB)} of ${text(totalMiB)}`,
    {
      hint: 'Drill when the host has less to do, give the machine less (--memory, drill.memory), or try the files alone: lifeboat drill --files.',
      retryable: true,
    },
  );
}
