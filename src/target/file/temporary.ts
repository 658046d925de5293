/**
 * Names of temporary files that say whose they are, so that those of a dead process can be swept and those of a living
 * one are left alone: `<host>.<boot>.<pid>.<start>.<random>`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstat, readdir, readFile, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { hasErrno } from '../../kernel/errors.ts';

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

/** Removes what dead processes left in `directory`; one that is not there holds nothing. */
export async function sweepTemporary(directory: string): Promise<void> {
  const own = await self();
  for (const name of await namesIn(directory)) {
    if (await isStale(join(directory, name), name, own)) await unlinkIfThere(join(directory, name));
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}

async function isStale(path: string, name: string, own: Owner): Promise<boolean> {
  const match = /^([0-9a-f]{8})\.([0-9a-f]{8})\.(\d+)\.(\d+)\.[0-9a-f]+$/.exec(name);
  const [, host, boot, pid, start] = match ?? [];
  if (host === own.host && boot === own.boot) return (await startOf(Number(pid))) !== start;
  if (host === own.host) return true;
  try {
    return (await lstat(path)).mtimeMs < Date.now() - FOREIGN_AGE_MS;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
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
