/** The parts of a report that are counted out of what was made and recovered. Pure. */
import { present } from '../kernel/present.ts';
import type { Usage } from '../machine/meter.ts';
import type { Accelerator } from '../qemu/spec.ts';
import type { DrillMachine } from './machine.ts';
import type { Recovery } from './recovery.ts';
import type { DrillReport } from './report.ts';

export function recoveryReport({ plan, result, proof }: Recovery): NonNullable<DrillReport['recovery']> {
  if (proof === null || proof === undefined) return { result, ...present({ plan }) };
  const { files, graph, boot, mounts } = proof;
  const { total: entries, checked, bytes, wrong, leftOut } = files;
  const counts = {
    entries,
    files: checked,
    bytes,
    wrong,
    graph: graph.length,
    boot: boot.length,
    mounts: mounts.length,
    ...(leftOut === 0 ? {} : { leftOut }),
  };
  return { result, ...present({ plan }), proof: counts };
}

export function machineReport(
  { firmware, memoryMiB, cpus, disks, cards, notes }: DrillMachine,
  accelerator: Accelerator,
  { cpuSeconds }: Usage,
): NonNullable<DrillReport['machine']> {
  return {
    firmware,
    accelerator,
    memoryMiB,
    cpus,
    disks: disks.map(({ of, serial, bus, sizeBytes, sectorSize = 512 }) => ({
      of,
      serial,
      bus,
      sizeBytes,
      sectorSize,
    })),
    cards: cards.map(({ mac, model = 'virtio' }) => ({ model, ...present({ mac }) })),
    notes: [...notes],
    cpuSeconds: Math.round(cpuSeconds * 10) / 10,
  };
}
