/**
 * Names of temporary files that say whose they are, so that those of a dead process can be swept and those of a living
 * one are left alone: `<host>.<boot>.<pid>.<start>.<random>`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { hasErrno } from '../kernel/errors.ts';

/** A file of a host that cannot be asked whether the process lives is stale when nothing wrote to it for so long. */
const FOREIGN_AGE_MS = 7 * 86_400_000;

interface Owner {
  readonly host: string;
  readonly boot: string;
  readonly pid: number;
  readonly start: string;
}

export async function temporaryName(): Promise<string> {
  const { host, boot, pid, start } = await self();
  return [host, boot, pid, start, randomBytes(6).toString('hex')].join('.');
}

/**
 * Whether the process that made a temporary file is gone.
 *
 * @param mtimeMs when the file was last written to; `undefined` when it is no longer there
 */
export async function isStale(name: string, mtimeMs: () => Promise<number | undefined>): Promise<boolean> {
  const own = await self();
  const match = /^([0-9a-f]{8})\.([0-9a-f]{8})\.(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name);
  const [, host, boot, pid, start] = match ?? [];
  if (host === own.host && boot === own.boot) return (await startOf(Number(pid))) !== start;
  if (host === own.host) return true;
  return ((await mtimeMs()) ?? Number.POSITIVE_INFINITY) < Date.now() - FOREIGN_AGE_MS;
}

let known: Promise<Owner> | undefined;

function self(): Promise<Owner> {
  known ??= readSelf();
  return known;
}

async function readSelf(): Promise<Owner> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return {
    host: createHash('sha256').update(hostname()).digest('hex').slice(0, 8),
    boot: boot.slice(0, 8),
    pid: process.pid,
    start: (await startOf(process.pid)) ?? '0',
  };
}

/** When a process started, in clock ticks since boot; `undefined` when there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may itself hold spaces and parentheses; field 22 is the start time.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}
