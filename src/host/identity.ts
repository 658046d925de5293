/** Which machine this is, since when it runs, and whether a process is still the one it was. */
import { readFile, readlink } from 'node:fs/promises';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import type { Host } from './host.ts';

export interface HostIdentity {
  readonly name: string;
  /** Absent where the system has not been given one. */
  readonly machineId: string | undefined;
  /** Differs from one boot to the next; absent where `/proc` is not mounted. */
  readonly bootId: string | undefined;
}

export async function hostIdentity(host: Host, signal: AbortSignal): Promise<HostIdentity> {
  const { stdout } = await host.run(['uname', '-n'], {}, signal);
  const machineId = await line(host, '/etc/machine-id', signal);
  return {
    name: stdout.toString('utf8').trim(),
    machineId: machineId === 'uninitialized' ? undefined : machineId,
    bootId: await line(host, '/proc/sys/kernel/random/boot_id', signal),
  };
}

async function line(host: Host, path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const text = (await host.read(path, { maxBytes: 4096 }, signal)).toString('utf8').trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'not-found') return undefined;
    throw error;
  }
}

/**
 * The start time in `/proc/PID/stat`, in clock ticks since boot; `undefined` for a process that has ended and is only
 * waiting to be collected.
 */
export function parseProcessStart(stat: string): number | undefined {
  // The second field is the program's name in parentheses and may hold anything, parentheses and spaces included.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const start = Number(fields[19]);
  return state === 'Z' || state === 'X' || !Number.isInteger(start) ? undefined : start;
}

/** When a process of this machine started, `undefined` when there is none: with the pid it names a process for good. */
export async function processStart(pid: number): Promise<number | undefined> {
  try {
    return parseProcessStart(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

/** Whether the process that had `pid` and `start` on this machine, in this boot, still runs. */
export async function sameProcessAlive(pid: number, start: number): Promise<boolean> {
  return (await processStart(pid)) === start;
}

/** Names the set of processes that this one can see; `undefined` where `/proc` does not say. */
export async function pidNamespace(): Promise<string | undefined> {
  try {
    return await readlink('/proc/self/ns/pid');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'EACCES', 'EPERM')) return undefined;
    throw error;
  }
}
