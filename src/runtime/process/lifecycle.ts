/** Checkpoint and restore of a tree of processes that nobody looks after, by CRIU itself. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readLogTail, restoredPids } from '../../criu/log.ts';
import { isThere, signalIfThere, startedAt } from '../../criu/processes.ts';
import { CriuSession } from '../../criu/session.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { sleep } from '../../kernel/wait.ts';
import { pack } from '../checkpoint/archive.ts';
import { type Pass, passesIn } from '../checkpoint/passes.ts';
import { pidOf } from '../checkpoint/pid.ts';
import type { Lifecycle, Tcp } from '../lifecycle.ts';

const stopMs = 10_000;
/** The kernel tells of starts in hundredths, and of its own in whole seconds. */
const clockMs = 2_000;
/** Deleted files that are open go into the images; CRIU's own bound is 1 MiB. */
const ghostLimit = 64 << 20;

export const processLifecycle: Lifecycle = {
  takes: 'tree',
  passes: true,
  async obstacles() {
    return [];
  },
  async checkpoint(host, container, { archive, work, leaveRunning, tcp, watched = [], passes = 0 }, signal) {
    const tree = join(work, 'tree');
    const { before, last } = passesIn(tree, passes);
    for (const { images } of [...before, last]) await mkdir(images, { recursive: true });
    const search = watched.length === 0 ? {} : { forceIrmap: true, irmapScanPaths: watched };
    const pid = pidOf(container);
    const optionsOf = ({ images, parent }: Pass) => ({
      pid,
      imagesDir: images,
      workDir: tree,
      ...optionsFor(tcp),
      ...search,
      ...(passes === 0 ? {} : { trackMemory: true }),
      ...(parent === undefined ? {} : { parentImages: parent }),
    });
    {
      await using session = new CriuSession();
      // Once it has consented to its end there would be no way back: what is to be kept is packed while the tree stands still.
      const kept = async (): Promise<undefined> => {
        await pack(host, tree, archive, signal);
        return undefined;
      };
      for (const pass of before) await session.preDump(optionsOf(pass), {}, signal);
      await session.dump({ ...optionsOf(last), leaveRunning, ghostLimit }, { 'post-dump': kept }, signal);
    }
  },
  async resume(_host, _container, { work, tcp }, signal) {
    await restoreTree(join(work, 'tree'), tcp, signal);
  },
  async missing() {
    return [];
  },
  async before() {
    return { cgroups: [], volumes: [] };
  },
  async restoredAs(_wanted, work) {
    const [root] = await startedBy(logOf(work));
    return root === undefined ? undefined : `${root}`;
  },
  async discard(_host, _wanted, _before, work) {
    const pids = await startedBy(logOf(work));
    for (const pid of pids) signalIfThere(pid, 'SIGKILL');
    return pids.map((pid) => `process ${pid}`);
  },
  async restore(_host, { content, name, tcp }, signal) {
    if (name !== undefined) {
      throw new LifeboatError('unsupported', 'a tree of processes has no name of its own', {
        hint: 'Leave out --name.',
      });
    }
    return `${await restoreTree(content, tcp, signal)}`;
  },
  async start() {
    throw new LifeboatError('unsupported', 'nobody knows how a tree of processes was started');
  },
  async stop(_host, container, signal) {
    const pid = pidOf(container);
    signalIfThere(pid, 'SIGTERM');
    for (let waited = 0; waited < stopMs && (await isThere(pid)); waited += 100) await sleep(100, signal);
    signalIfThere(pid, 'SIGKILL');
    for (let waited = 0; waited < stopMs && (await isThere(pid)); waited += 100) await sleep(100, signal);
    if (await isThere(pid)) throw new LifeboatError('failed', `process ${pid} does not end, not even by SIGKILL`);
  },
};

/** Where CRIU says what it makes in a restore. */
function logOf(work: string): string {
  return join(work, 'tree', 'restore.log');
}

/** Tasks that are there and that a CRIU has made, as it says in its log: they were started while it wrote that, and no later ones of their numbers. */
async function startedBy(log: string): Promise<readonly number[]> {
  const pids = restoredPids(await readLogTail(log));
  if (pids.length === 0) return [];
  const { birthtimeMs, mtimeMs } = await stat(log);
  const found: number[] = [];
  for (const pid of pids) {
    const started = await startedAt(pid);
    if (started !== undefined && started > birthtimeMs - clockMs && started < mtimeMs + clockMs) found.push(pid);
  }
  return found;
}

function optionsFor(tcp: Tcp | undefined) {
  const connections = tcp === 'keep' ? { tcpEstablished: true } : tcp === 'close' ? { tcpClose: true } : {};
  return { fileLocks: true, manageCgroups: true, manageCgroupsMode: 'soft', ...connections } as const;
}

async function restoreTree(tree: string, tcp: Tcp | undefined, signal: AbortSignal): Promise<number> {
  await using session = new CriuSession();
  const common = { imagesDir: join(tree, 'checkpoint'), workDir: tree, ...optionsFor(tcp) };
  const { pid } = await session.restore(common, {}, signal);
  return pid;
}
