/**
 * What a CRIU leaves that was killed at work, put right. Of a dump: a frozen cgroup, connections in repair mode, a locked network, stopped
 * tasks; the code that CRIU puts into tasks ends itself when CRIU is gone. Of a restore: half of a tree.
 */
import { readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asLifeboatError, hasErrno, isSystemError, LifeboatError } from '../kernel/errors.ts';
import { sleep } from '../kernel/wait.ts';
import { localHost } from '../host/local.ts';
import { endTcpRepair } from '../native/tcp-repair.ts';
import { restoredPids, runIds } from './log.ts';
import { isThere, processState, signalIfThere, tracerOf, treeOf } from './processes.ts';

/** A tree as it was before a dump. */
export interface TreeBefore {
  readonly root: number;
  /** Tasks that somebody had stopped, and that are to stay so. */
  readonly stopped: ReadonlySet<number>;
  readonly freezeCgroup?: string;
}

/** What was put right, and what could not be, each in words. */
export interface Mended {
  readonly done: readonly string[];
  readonly problems: readonly string[];
}

/** How long the kernel may take to let tasks go whose tracer has died. */
const releaseMs = 5000;
/** As the tools of netfilter need. */
const toolMs = 10_000;

export async function treeBefore(root: number, freezeCgroup: string | undefined): Promise<TreeBefore> {
  const states = await Promise.all((await treeOf(root)).map(async (pid) => await processState(pid)));
  const stopped = states.flatMap((one) => (one?.state === 'T' ? [one.pid] : []));
  return { root, stopped: new Set(stopped), ...(freezeCgroup === undefined ? {} : { freezeCgroup }) };
}

/**
 * Stops a tree, from which a CRIU is about to let go or has just let go: a program that runs while its connections are in repair mode
 * gets errors from them. Those that a tracer holds stop as soon as it is gone.
 */
export async function holdStill(root: number): Promise<void> {
  for (const pid of await treeOf(root)) signalIfThere(pid, 'SIGSTOP');
}

/** @param log of the dump */
export async function mendDump(before: TreeBefore, log: string): Promise<Mended> {
  const done: string[] = [];
  const problems: string[] = [];
  const attempt = async (what: string, work: () => Promise<boolean>): Promise<void> => {
    try {
      if (await work()) done.push(what);
    } catch (error) {
      problems.push(`${what}: ${asLifeboatError(error).message}`);
    }
  };
  const { freezeCgroup } = before;
  await holdStill(before.root);
  const pids = await treeOf(before.root);
  if (freezeCgroup !== undefined) await attempt(`thawed ${freezeCgroup}`, async () => await thaw(freezeCgroup));
  for (const pid of pids) {
    await attempt(`waited for ${pid} to be released`, async () => await released(pid));
    await attempt(`ended the repair mode of connections of ${pid}`, async () => await endRepair(pid));
  }
  const tables = runIds(log).map((id) => `CRIU-${id}`);
  if (tables.length > 0) {
    await attempt('unlocked the network', async () => await unlockNetwork(before.root, tables));
  }
  for (const pid of pids) if (!before.stopped.has(pid)) signalIfThere(pid, 'SIGCONT');
  return { done, problems };
}

/** Removes what is there of a tree that was not restored to its end. @param log of the restore */
export async function mendRestore(killed: readonly number[], log: string): Promise<Mended> {
  const rest: number[] = [];
  for (const pid of restoredPids(log)) if (await isThere(pid)) rest.push(pid);
  for (const pid of rest) signalIfThere(pid, 'SIGKILL');
  const all = [...killed, ...rest];
  return { done: all.length === 0 ? [] : [`removed ${all.length} half restored processes`], problems: [] };
}

/** Whether it was frozen. Cgroup v2 says it by a number, v1 by a word. */
async function thaw(cgroup: string): Promise<boolean> {
  for (const [file, word] of [
    ['cgroup.freeze', '0'],
    ['freezer.state', 'THAWED'],
  ] as const) {
    try {
      await writeFile(join(cgroup, file), word, { flag: 'r+' });
      return true;
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
  }
  return false;
}

/** Whether it had to be waited for. */
async function released(pid: number): Promise<boolean> {
  const { signal } = new AbortController();
  const until = Date.now() + releaseMs;
  let waited = false;
  while ((await tracerOf(pid)) !== 0) {
    if (Date.now() > until) throw new LifeboatError('criu-failed', `it is still traced by ${await tracerOf(pid)}`);
    await sleep(10, signal);
    waited = true;
  }
  return waited;
}

/** Whether there was one. */
async function endRepair(pid: number): Promise<boolean> {
  let ended = false;
  for (const name of await namesIn(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${name}`).catch(() => '');
    if (!target.startsWith('socket:')) continue;
    try {
      ended = endTcpRepair(pid, Number(name)) || ended;
    } catch (error) {
      // Closed by now.
      if (!hasErrno(error, 'EBADF', 'ESRCH')) throw error;
    }
  }
  return ended;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}

/** Removes the table of netfilter that holds connections back, in the network of the tree. Whether there was one. */
async function unlockNetwork(pid: number, names: readonly string[]): Promise<boolean> {
  await using host = localHost();
  const { signal } = new AbortController();
  const nft = ['nsenter', `--net=/proc/${pid}/ns/net`, 'nft'] as const;
  const { stdout } = await host.run([...nft, 'list', 'tables'], { timeoutMs: toolMs }, signal);
  const tables = [...stdout.toString().matchAll(/^table inet (CRIU-[0-9a-f-]{20,})$/gm)].map(([, table = '']) => table);
  // CRIU has no room for all of a name.
  const own = tables.filter((table) => names.some((name) => name.startsWith(table)));
  for (const table of own) await host.run([...nft, 'delete', 'table', 'inet', table], { timeoutMs: toolMs }, signal);
  return own.length > 0;
}
