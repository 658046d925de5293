/** Limits in a few words, the same for both versions of cgroups. */
import { formatBytes } from '../kernel/units.ts';
import type { Limits } from './model/limits.ts';

/** @param cpus that it was given: the kernel of version 1 names some for every cgroup */
export function limitWords(limits: Limits, cpus: string | undefined): string[] {
  const { cpu, pids } = limits;
  const quota = cpu?.quotaUs === undefined ? undefined : cpu.quotaUs / (cpu.periodUs ?? 100_000);
  return [
    ...(quota === undefined ? [] : [`${Number(quota.toFixed(2))} CPUs`]),
    ...weightWords(limits),
    ...(cpus === undefined ? [] : [`on CPUs ${cpus}`]),
    ...memoryWords(limits),
    ...(pids === undefined ? [] : [`${pids} processes`]),
    ...(limits.io?.throttle === undefined ? [] : ['I/O bounded']),
    ...(limits.frozen === true ? ['frozen'] : []),
  ];
}

function weightWords(limits: Limits): string[] {
  if (limits.version === 2) return limits.cpu?.weight === undefined ? [] : [`CPU weight ${limits.cpu.weight}`];
  return limits.cpu?.shares === undefined ? [] : [`${limits.cpu.shares} CPU shares`];
}

function memoryWords(limits: Limits): string[] {
  const most = limits.version === 2 ? limits.memory?.maxBytes : limits.memory?.limitBytes;
  return most === undefined ? [] : [`${formatBytes(most)} of memory`];
}
