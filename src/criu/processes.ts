/** Processes of this machine, as /proc has them. */
import { readdir, readFile } from 'node:fs/promises';
import { hasErrno, isSystemError } from '../kernel/errors.ts';

export interface ProcessState {
  readonly pid: number;
  readonly parent: number;
  /** `R`, `S`, `T` (stopped), `t` (by a tracer), `Z`, …. */
  readonly state: string;
}

/** `undefined` for one that is gone. */
export async function processState(pid: number): Promise<ProcessState | undefined> {
  const stat = await ofProcess(pid, 'stat');
  // The name between the brackets may hold anything.
  const [state, parent] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === undefined ? undefined : { pid, parent: Number(parent), state };
}

export async function isThere(pid: number): Promise<boolean> {
  const found = await processState(pid);
  return found !== undefined && found.state !== 'Z';
}

async function allProcesses(): Promise<readonly ProcessState[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const states = await Promise.all(pids.map(async (pid) => await processState(pid)));
  return states.filter((state) => state !== undefined);
}

/** The process itself, if it is there, and all below it. */
export async function treeOf(pid: number): Promise<readonly number[]> {
  const children = Map.groupBy(await allProcesses(), ({ parent }) => parent);
  const found = (await isThere(pid)) ? [pid] : [];
  for (const one of found) found.push(...(children.get(one) ?? []).map((child) => child.pid));
  return found;
}

/** Processes that have this word in their environment as they were started, or inherited it. */
export async function withEnvironment(word: string): Promise<readonly number[]> {
  const marked: number[] = [];
  for (const { pid } of await allProcesses()) if ((await ofProcess(pid, 'environ'))?.includes(word)) marked.push(pid);
  return marked;
}

/** The process that traces it; 0 for none. */
export async function tracerOf(pid: number): Promise<number> {
  return Number(/^TracerPid:\s+(\d+)/m.exec((await ofProcess(pid, 'status')) ?? '')?.[1] ?? 0);
}

/** In milliseconds since 1970, to a second or so; `undefined` for one that is gone. */
export async function startedAt(pid: number): Promise<number | undefined> {
  const stat = await ofProcess(pid, 'stat');
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  if (ticks === undefined || !(await isThere(pid))) return undefined;
  const bootSeconds = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'latin1'))?.[1];
  return Number(bootSeconds) * 1000 + Number(ticks) * 10;
}

export function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasErrno(error, 'ESRCH')) throw error;
  }
}

async function ofProcess(pid: number, name: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/${name}`, 'latin1');
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}
