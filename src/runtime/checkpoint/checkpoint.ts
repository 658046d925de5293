/** A running container into one file. What speaks against it is found before anything is frozen. */
import { dirname, join } from 'node:path/posix';
import type { Host } from '../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { CheckpointRequest, Lifecycle, Tcp } from '../lifecycle.ts';
import type { Container } from '../model/container.ts';
import { contentOf } from './archive.ts';
import { type AgreedStop, copyIn, reasonsToStop, refuseFor, refuseOtherThanAgreed, whyNotStopped } from './copied.ts';
import { type Checkpoint, checkpointBegun, type CheckpointIntent, cpuName } from './document.ts';
import { criuOf, dumpCpu, freeBytes, tracksMemory } from './facts.ts';
import { archiveIn, finish, type Making } from './finish.ts';
import { isRunning } from './running.ts';
import { clearRestore, isCheckpoint, isRestore, resumeInterrupted } from './interrupted.ts';
import { discard, leftoversOf, leftoversOfContainer, noteIntent } from './leftovers.ts';
import { networkOf } from './locked-network.ts';
import { freezerOf } from './torn.ts';
import { thisProcess } from './worker.ts';
import { treeBefore } from '../../criu/mend.ts';
import { observe } from './observe.ts';
import { openConnections, outsideSockets, processObstacles, waitingConnections } from './obstacles.ts';
import { pidOf } from './pid.ts';
import { lifecycleOf } from './verbs.ts';
import { watchedOnOverlays } from './watches.ts';

export interface CheckpointOptions {
  /** A file that is not there yet. */
  readonly output: string;
  readonly leaveRunning: boolean;
  /** Absent: refused where there are open connections. */
  readonly tcp?: Tcp;
  /** Only looks what speaks against it. */
  readonly dryRun: boolean;
  /** Passes over the memory before anything is frozen. */
  readonly preDumps: number;
  /** Where it cannot be dumped, or `always`, it is stopped and copied: as somebody agreed to; a look needs nobody. @default it is refused */
  readonly stopInstead?: 'where-needed' | 'always' | AgreedStop;
  /** Of the host, for the document and its signature. */
  readonly hostName: string;
  /** Of lifeboat. */
  readonly version: string;
  readonly now: Date;
  /** @returns what is put beside the document; absent where there is no key to sign with */
  readonly sign?: (document: Uint8Array) => string;
}

export interface Checkpointed {
  /** Absent where it was only to look. */
  readonly checkpoint?: Checkpoint;
  /** Why it is stopped and copied in place of being dumped, in words; absent where it is not. */
  readonly stoppedFor?: readonly string[];
  /** What was left of earlier ones that were interrupted and is gone now, in words. */
  readonly removed: readonly string[];
}

/** Besides the memory: what a restore needs of open files, mounts and sockets. */
const besideMemory = 16 << 20;

interface Looked {
  readonly obstacles: readonly string[];
  /** What becomes of connections; nothing where there are none. */
  readonly tcp?: Tcp;
  readonly watched?: CheckpointRequest['watched'];
  /** The version of CRIU. */
  readonly criu?: string;
}

/** All that speaks against a checkpoint, in words. Changes nothing. */
async function lookAt(
  host: Host,
  container: Container,
  { tcp, leaveRunning, preDumps, output, stopInstead }: CheckpointOptions,
  signal: AbortSignal,
): Promise<Omit<Looked, 'criu'>> {
  const { processes, sockets, memoryBytes } = await observe(host, pidOf(container), signal);
  const connections = openConnections(processes, sockets);
  const obstacles = [
    ...processObstacles(processes),
    ...outsideSockets(processes, sockets),
    ...waitingConnections(processes, sockets),
  ];
  if (connections > 0 && tcp === undefined) {
    const many = connections === 1 ? 'is an open TCP connection' : `are ${connections} open TCP connections`;
    obstacles.push(`there ${many}: say with --tcp=keep or --tcp=close what is to become of them`);
  }
  if (preDumps > 0) {
    if (lifecycleOf(container.runtime).passes !== true)
      obstacles.push(`${container.runtime} makes no passes before a checkpoint: leave out --pre-dump`);
    else if (!(await tracksMemory(host, signal)))
      obstacles.push(
        'the kernel does not tell which memory was written (no CONFIG_MEM_SOFT_DIRTY), so that no pass before a checkpoint is possible: leave out --pre-dump',
      );
  }
  if (container.runtime !== 'process' && (await isInUnifiedRoot(host, pidOf(container), signal))) {
    obstacles.push(
      'it is in the root of the hierarchy of cgroup v2, all of which CRIU would copy: start it from a cgroup of its own, as a service of systemd is in',
    );
  }
  const directory = dirname(output);
  // Once as CRIU writes it, and once in the archive that is made of that; each pass may find that all was written to.
  const [needed, free] = [2 * (1 + preDumps) * memoryBytes + besideMemory, await freeBytes(host, directory, signal)];
  if (obstacles.length === 0 && free < needed) {
    const problem = `a checkpoint of ${container.name} takes ${formatBytes(needed)} while it is made, and ${directory} has ${formatBytes(free)} free`;
    const hint = 'Free some space there, or choose another place with --output.';
    // What is copied may take less.
    if (stopInstead === undefined) throw new LifeboatError('no-space', problem, { hint });
    obstacles.push(problem);
  }
  const watches = processes.flatMap((one) => one.watches);
  const { paths: watched, nameless } = await watchedOnOverlays(host, pidOf(container), watches, signal);
  if (nameless > 0)
    obstacles.push('a process watches a file that has no name any more (inotify), which CRIU cannot dump');
  const used = { watched, ...(connections === 0 || tcp === undefined ? {} : { tcp }) };
  obstacles.push(
    ...(await lifecycleOf(container.runtime).obstacles(host, container, { leaveRunning, ...used }, signal)),
  );
  return { obstacles, ...used };
}

/** Without CRIU that is the obstacle, where it may be stopped instead. */
async function lookOrStop(
  host: Host,
  container: Container,
  options: CheckpointOptions,
  signal: AbortSignal,
): Promise<Looked> {
  let criu: string;
  try {
    criu = await criuOf(host, signal);
  } catch (thrown) {
    const error = asLifeboatError(thrown);
    if (options.stopInstead === undefined || error.code !== 'tool-missing') throw error;
    return { obstacles: [error.message] };
  }
  return { ...(await lookAt(host, container, options, signal)), criu };
}

/**
 * @throws LifeboatError `refused` with all that speaks against it, `exists`, `no-space`, `tool-missing`, `criu-failed`, …: there is no file then, and the
 *   container runs as before, or all that is left of it stays in a directory that the hint names
 */
export async function checkpointToFile(
  host: Host,
  container: Container,
  options: CheckpointOptions,
  signal: AbortSignal,
): Promise<Checkpointed> {
  const { output } = options;
  const lifecycle = lifecycleOf(container.runtime);
  pidOf(container);
  const removed = options.dryRun ? [] : await clearLeftovers(host, container, signal);
  await refuseExisting(host, output, signal);
  const { obstacles, ...looked } = await lookOrStop(host, container, options, signal);
  const { copies } = lifecycle;
  const stoppedFor = reasonsToStop(options.stopInstead, obstacles);
  if (stoppedFor === undefined) {
    const instead = copies === undefined ? '' : ' With --stop-instead it is stopped and copied.';
    const hint = `Nothing was frozen. See docs/containers.md for what can be dumped.${instead}`;
    refuseFor(container, 'checkpointed', obstacles, hint);
  } else {
    const against = await whyNotStopped(host, container, copies, options, signal);
    const hint = `Nothing was stopped. Why it is not dumped: ${stoppedFor.join('; ')}`;
    refuseFor(container, 'stopped and copied', against, hint);
    if (!options.dryRun) refuseOtherThanAgreed(container, options, stoppedFor);
  }
  const found = { removed, ...(stoppedFor === undefined ? {} : { stoppedFor }) };
  if (options.dryRun) return found;
  const work = await workDirectory(host, output, signal);
  const making = { ...options, ...looked, work };
  let made: Checkpoint;
  try {
    made =
      stoppedFor !== undefined && copies !== undefined
        ? await copyIn(host, container, lifecycle, copies, making, signal)
        : await checkpointIn(host, container, lifecycle, making, signal);
  } catch (thrown) {
    const error = asLifeboatError(thrown);
    // All that is left of one that does not run is in there.
    if (await isRunning(host, container)) await discard(host, work);
    else {
      const hint = `What is left of ${container.name} is in ${work}. To make it run again from that: lifeboat container restore ${output}`;
      throw new LifeboatError(error.code, error.message, { hint, cause: error });
    }
    throw error;
  }
  await discard(host, work);
  return { checkpoint: made, ...found };
}

/** What earlier ones have left of this container that were killed, as it runs on all the same. @returns what was removed */
async function clearLeftovers(host: Host, container: Container, signal: AbortSignal): Promise<readonly string[]> {
  if (container.state !== 'running') return [];
  const removed: string[] = [];
  for (const leftover of await leftoversOfContainer(host, container, signal)) {
    if (isRestore(leftover)) removed.push(...(await clearRestore(host, leftover, signal)).removed);
    if (!isCheckpoint(leftover)) continue;
    const { removed: more = [] } = await resumeInterrupted(host, leftover, { dryRun: false }, signal);
    removed.push(...more, leftover.work);
  }
  return removed;
}

/** @throws LifeboatError also where the container has ended and could not be restored */
async function checkpointIn(
  host: Host,
  container: Container,
  lifecycle: Lifecycle,
  making: Making & Omit<Looked, 'obstacles'>,
  signal: AbortSignal,
): Promise<Checkpoint> {
  const { work, criu, tcp, watched = [], leaveRunning, preDumps: passes } = making;
  const own = join(work, 'lifeboat');
  await host.run(['mkdir', '-p', '--', own], {}, signal);
  const cpu = await dumpCpu(host, own, signal);
  const request = {
    archive: archiveIn(work),
    work,
    leaveRunning,
    watched,
    passes,
    ...(tcp === undefined ? {} : { tcp }),
  };
  await noteIntent(host, work, await intentOf(host, container, tcp, signal), signal);
  await lifecycle.checkpoint(host, container, request, signal);
  try {
    const cpuSha256 = (await contentOf(cpu, signal)).sha256;
    const told = { cpuSha256, ...(criu === undefined ? {} : { criu }), ...(tcp === undefined ? {} : { tcp }) };
    return await finish(host, container, making, told, [cpuName], signal);
  } catch (error) {
    if (leaveRunning) throw error;
    throw await runningAgain(host, lifecycle, container, request, error);
  }
}

/** With what CRIU could leave where it is killed with all who would look after it. */
async function intentOf(
  host: Host,
  container: Container,
  tcp: Tcp | undefined,
  signal: AbortSignal,
): Promise<CheckpointIntent> {
  const pid = pidOf(container);
  const path = container.namespaces.find(({ type }) => type === 'net')?.path;
  const { stopped, freezeCgroup } = await treeBefore(pid, await freezerOf(host, pid, signal));
  return {
    format: checkpointBegun,
    by: await thisProcess(),
    container,
    network: await networkOf(host, pid, path, signal),
    stopped: [...stopped],
    ...(freezeCgroup === undefined ? {} : { freezeCgroup }),
    ...(tcp === undefined ? {} : { tcp }),
  };
}

/** A restore makes a copy of the cgroups below the one that a container was in, and of the root that is every one of the host. */
async function isInUnifiedRoot(host: Host, pid: number, signal: AbortSignal): Promise<boolean> {
  return /^0::\/$/m.test((await host.read(`/proc/${pid}/cgroup`, {}, signal)).toString());
}

/** It had ended already when the rest failed: it is restored, and whoever asked learns both. */
async function runningAgain(
  host: Host,
  lifecycle: Lifecycle,
  container: Container,
  request: Parameters<Lifecycle['resume']>[2],
  thrown: unknown,
): Promise<LifeboatError> {
  const error = asLifeboatError(thrown);
  const { signal } = new AbortController();
  const options = { hint: error.hint, cause: error };
  try {
    await lifecycle.resume(host, container, request, signal);
  } catch (second) {
    const { message } = asLifeboatError(second);
    return new LifeboatError(
      error.code,
      `${error.message}; ${container.name} had ended, and was not restored: ${message}`,
      options,
    );
  }
  return new LifeboatError(error.code, `${error.message}; ${container.name} had ended, and was restored`, options);
}

async function refuseExisting(host: Host, output: string, signal: AbortSignal): Promise<void> {
  const { code } = await host.run(['test', '-e', output], { okCodes: [0, 1] }, signal);
  if (code === 0) throw new LifeboatError('exists', `${output} is there already`, { hint: 'Choose another name.' });
  const place = await host.run(['test', '-d', dirname(output)], { okCodes: [0, 1] }, signal);
  if (place.code !== 0) throw new LifeboatError('not-found', `there is no directory ${dirname(output)}`);
  const begun = (await leftoversOf(host, output, signal)).find(isCheckpoint);
  if (begun === undefined) return;
  throw new LifeboatError('exists', `a checkpoint of ${begun.intent.container.name} into ${output} was interrupted`, {
    hint: `See to it first: lifeboat container restore ${output}`,
  });
}

/** Beside the output, so that it becomes it without being copied; for its owner alone. */
async function workDirectory(host: Host, output: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(['mktemp', '-d', '--', `${output}.XXXXXXXX`], {}, signal);
  return stdout.toString().trimEnd();
}
