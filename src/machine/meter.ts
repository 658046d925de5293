/** What a process takes, as far as it is known when it is gone. */
import { readFileSync } from 'node:fs';
import { hasErrno } from '../kernel/errors.ts';

export interface Usage {
  readonly wallSeconds: number;
  /** Of all its threads, in user and system mode: what can be compared when other work runs beside. */
  readonly cpuSeconds: number;
}

export interface Meter {
  /** Reads the meter; the last reading is kept for when the process has ended. */
  sample(): Usage;
}

/** Ticks of the clock of `/proc/<pid>/stat`: 100 on every architecture of Linux that Node runs on. */
const ticksPerSecond = 100;

export function processMeter(pid: number): Meter {
  const began = performance.now();
  let last: Usage = { wallSeconds: 0, cpuSeconds: 0 };
  return {
    sample() {
      const cpuSeconds = cpuSecondsOf(pid);
      if (cpuSeconds !== undefined) last = { wallSeconds: (performance.now() - began) / 1_000, cpuSeconds };
      return last;
    },
  };
}

/** `undefined` when there is no such process any more. Fields: proc_pid_stat(5). */
function cpuSecondsOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch (error) {
    if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ESRCH')) return undefined;
    throw error;
  }
}
