/**
 * Work with CRIU: each verb is one request, and its answer, refusal or failure comes with what CRIU's log says of it. After a failure, an
 * abort or a limit the tree is as it was: undone by CRIU, or, where CRIU had to be killed, by `mend.ts`.
 */
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import { limited, raceAbort } from '../kernel/wait.ts';
import { childEnded, type ChildEnd } from '../native/packet-child.ts';
import { explain } from './explain.ts';
import { readLogTail, restoredPids } from './log.ts';
import { holdStill, mendDump, mendRestore, treeBefore, type Mended, type TreeBefore } from './mend.ts';
import type { RequestType } from './messages.ts';
import type { Notifications } from './notifications.ts';
import type { CriuCommand, DumpOptions, ImagesOptions, Limits, PageServerOptions, RestoreOptions } from './options.ts';
import { dumpValues, pageServerValues, restoreValues } from './request-values.ts';
import type { CriuFeatures, CriuVersion, Response } from './response.ts';
import { Swrk, type Broken, type Question } from './swrk.ts';
import type { Values } from './wire.ts';

export interface SessionOptions {
  /** @default `criu` */
  readonly command?: CriuCommand;
  readonly limits?: Limits;
  /** Descriptors of this process that CRIU has as 4 and so on: for `inheritFds` and `pageServer`. */
  readonly inherited?: readonly number[];
}

export interface Restored {
  /** Of the first task of the tree, on this machine. */
  readonly pid: number;
  /** With `restoreSibling`: how that task ended. */
  readonly ended?: Promise<ChildEnd>;
}

/** Those after which CRIU takes another request. */
const keepOpen: ReadonlySet<RequestType> = new Set([
  'page-server',
  'page-server-child',
  'cpuinfo-dump',
  'cpuinfo-check',
  'feature-check',
  'version',
]);

/**
 * One CRIU process. Questions and page servers may follow one another; `preDump` may be followed by itself and `dump`; any other request
 * is the last of its session.
 *
 * Every verb throws LifeboatError: `criu-failed` with the cause and a next step, `criu-timeout`, `interrupted`, or what a handler threw.
 */
export class CriuSession implements AsyncDisposable {
  readonly #swrk: Swrk;
  readonly #limits: Limits;
  readonly #output: number;
  readonly #directories = new Map<string, number>();
  #last: RequestType | undefined;

  /** @throws LifeboatError `tool-missing` without CRIU, `native-missing` */
  constructor({ command = ['criu'], limits = {}, inherited = [] }: SessionOptions = {}) {
    this.#limits = limits;
    this.#output = unnamedFile();
    try {
      this.#swrk = new Swrk(command, this.#output, inherited, limits);
    } catch (error) {
      closeSync(this.#output);
      throw error;
    }
  }

  async version(signal: AbortSignal): Promise<CriuVersion> {
    const { version } = await this.#ask('version', {}, signal);
    if (version === undefined) throw new LifeboatError('criu-failed', 'CRIU does not say its version');
    return version;
  }

  /** What this CRIU can do on this kernel. */
  async features(signal: AbortSignal): Promise<CriuFeatures> {
    const wanted = { memoryTracking: true, lazyPages: true, pidfdStore: true };
    const { features } = await this.#ask('feature-check', { features: wanted }, signal);
    if (features === undefined) throw new LifeboatError('criu-failed', 'CRIU does not say what it can do');
    return features;
  }

  /** CRIU's own look at the kernel, which says nothing of some combinations that fail: `preflight` does. */
  async check(signal: AbortSignal): Promise<void> {
    await this.#ask('check', { options: { imagesDirFd: -1, logToStderr: true, logLevel: 4 } }, signal);
  }

  /** Writes what the processor can do into the images. */
  async cpuInfoDump(images: ImagesOptions, signal: AbortSignal): Promise<void> {
    await this.#work('cpuinfo-dump', images, { cpuCapabilities: 0xffff_ffff }, {}, signal);
  }

  /** @throws LifeboatError `criu-failed` where a tree from the processor of these images would fail on this one */
  async cpuInfoCheck(images: ImagesOptions, signal: AbortSignal): Promise<void> {
    await this.#work('cpuinfo-check', images, { cpuCapabilities: 0xffff_ffff }, {}, signal);
  }

  /**
   * Starts a server that writes the pages of one dump into the images.
   *
   * @param kind `child`: of this CRIU, to be waited for by `waitPid`; `daemon`: it outlives the session
   */
  async startPageServer(
    options: PageServerOptions,
    kind: 'daemon' | 'child',
    signal: AbortSignal,
  ): Promise<{ readonly pid: number; readonly port: number }> {
    const type = kind === 'daemon' ? 'page-server' : 'page-server-child';
    const { pageServer } = await this.#work(type, options, pageServerValues(options), {}, signal);
    if (pageServer === undefined) throw new LifeboatError('criu-failed', 'CRIU does not say where its page server is');
    if (kind === 'daemon') this.#swrk.leaveChildren();
    return pageServer;
  }

  /** Waits for a child of this CRIU. @returns its status as of wait(2) */
  async waitPid(pid: number, signal: AbortSignal): Promise<number> {
    const { status = 0 } = await this.#ask('wait-pid', { pid }, signal, this.#limits.requestMs ?? workMs);
    return status;
  }

  /** Writes the memory of a tree that goes on running; with `trackMemory` the next one writes what has changed since. */
  async preDump(options: DumpOptions, on: Notifications, signal: AbortSignal): Promise<void> {
    await this.#dump('pre-dump', options, on, signal);
  }

  /** As `preDump`, as the last request of its session. */
  async singlePreDump(options: DumpOptions, on: Notifications, signal: AbortSignal): Promise<void> {
    await this.#dump('single-pre-dump', options, on, signal);
  }

  /** Writes a tree, which then ends unless it is to be left. `post-dump` is the last moment to refuse. */
  async dump(options: DumpOptions, on: Notifications, signal: AbortSignal): Promise<void> {
    await this.#dump('dump', options, on, signal);
  }

  /** Makes a tree out of its images. `post-restore` is the last moment to refuse. */
  async restore(options: RestoreOptions, on: Notifications, signal: AbortSignal): Promise<Restored> {
    const isOurs = options.restoreSibling === true;
    const working = this.#work('restore', options, restoreValues(options), on, signal, 'post-restore');
    const { restore } = isOurs ? await this.#orReaped(working, options) : await working;
    if (restore === undefined) throw new LifeboatError('criu-failed', 'CRIU does not say what it has restored');
    this.#swrk.leaveChildren();
    return { pid: restore.pid, ...(isOurs ? { ended: childEnded(restore.pid) } : {}) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#swrk.end();
    for (const fd of this.#directories.values()) closeSync(fd);
    this.#directories.clear();
    closeSync(this.#output);
  }

  /** A root that was not restored to its end is a child of ours all the same, and has its number until it is waited for. */
  async #orReaped(working: Promise<Response>, options: RestoreOptions): Promise<Response> {
    try {
      return await working;
    } catch (error) {
      await reap(restoredPids(await readLogTail(logPath('restore', options))), this.#limits.graceMs ?? 5000);
      throw error;
    }
  }

  async #dump(
    type: 'pre-dump' | 'single-pre-dump' | 'dump',
    options: DumpOptions,
    on: Notifications,
    signal: AbortSignal,
  ): Promise<void> {
    const before = await treeBefore(options.pid, options.freezeCgroup);
    const point = type === 'dump' && options.leaveRunning !== true ? 'post-dump' : undefined;
    await this.#work(type, options, dumpValues(options), on, signal, point, before);
  }

  async #work(
    type: RequestType,
    images: ImagesOptions,
    values: Values,
    on: Notifications,
    signal: AbortSignal,
    pointOfNoReturn?: Question['pointOfNoReturn'],
    before?: TreeBefore,
  ): Promise<Response> {
    const log = logPath(type, images);
    // What an earlier CRIU wrote of its processes must not be taken for what this one says.
    await rm(log, { force: true });
    const common = {
      imagesDirFd: this.#directory(images.imagesDir),
      workDirFd: this.#directory(dirname(log)),
      logFile: basename(log),
      logLevel: 4,
      notifyScripts: true,
    };
    const question: Question = {
      type,
      values: { options: { ...common, ...values }, ...(keepOpen.has(type) ? { keepOpen: true } : {}) },
      on,
      limitMs: this.#limits.requestMs ?? workMs,
      ...(pointOfNoReturn === undefined ? {} : { pointOfNoReturn }),
      ...(before === undefined ? {} : { beforeKill: async () => await holdStill(before.root) }),
    };
    return await this.#exchange(question, log, before, signal);
  }

  async #ask(type: RequestType, values: Values, signal: AbortSignal, limitMs = questionMs): Promise<Response> {
    const all = { ...values, ...(keepOpen.has(type) ? { keepOpen: true } : {}) };
    return await this.#exchange({ type, values: all, on: {}, limitMs }, undefined, undefined, signal);
  }

  async #exchange(
    question: Question,
    log: string | undefined,
    before: TreeBefore | undefined,
    signal: AbortSignal,
  ): Promise<Response> {
    const { type } = question;
    if (this.#last !== undefined && !keepOpen.has(this.#last) && !follows(this.#last, type)) {
      throw new LifeboatError('bug', `a session of CRIU cannot go on with ${type} after ${this.#last}`);
    }
    this.#last = type;
    const outcome = await this.#swrk.exchange(question, signal);
    const text = async (): Promise<string> => [await this.#said(), log ? await readLogTail(log) : ''].join('\n');
    if ('error' in outcome) throw await broken(outcome, type, before, await text());
    for (const fd of outcome.descriptors) closeSync(fd);
    if (outcome.refusal !== undefined && !outcome.response.success) throw outcome.refusal;
    if (!outcome.response.success) {
      // What it had to say before it had a log it writes when it ends, which it does now unless it takes another request.
      if (!keepOpen.has(type)) await this.#swrk.end();
      throw explain(type, outcome.response, await text(), log);
    }
    return outcome.response;
  }

  /** What CRIU wrote that is in no log. */
  async #said(): Promise<string> {
    return readFileSync(`/proc/self/fd/${this.#output}`, 'utf8').slice(-65_536);
  }

  #directory(path: string): number {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    this.#directories.set(path, fd);
    return fd;
  }
}

/** Of requests that read or write a tree, by default. */
const workMs = 600_000;
const questionMs = 30_000;

function logPath(
  type: RequestType,
  { imagesDir, workDir = imagesDir, logFile = `${type}.log` }: ImagesOptions,
): string {
  if (logFile.includes('/')) throw new LifeboatError('bug', `the log of CRIU has no directory of its own: ${logFile}`);
  return join(workDir, logFile);
}

/** Waits for those of them that are children of this process, but not for long: they have been killed. */
async function reap(pids: readonly number[], graceMs: number): Promise<void> {
  const { signal } = new AbortController();
  for (const pid of pids) {
    using limit = limited(signal, graceMs, () => new LifeboatError('criu-timeout', `process ${pid} does not end`));
    await raceAbort(childEnded(pid), limit.signal).catch((error: unknown) => {
      if (!hasErrno(error, 'ECHILD')) throw error;
    });
  }
}

function follows(last: RequestType, next: RequestType): boolean {
  return last === 'pre-dump' && (next === 'pre-dump' || next === 'dump');
}

/** The error of a request that has no answer, after what CRIU left was put right. */
async function broken(
  { error, isTorn, killed }: Broken,
  type: RequestType,
  before: TreeBefore | undefined,
  log: string,
): Promise<LifeboatError> {
  if (!isTorn) return error;
  const mended = await mend(type, killed, before, log);
  if (mended.done.length + mended.problems.length === 0) return error;
  const parts = [`${error.message}; after CRIU was killed: ${[...mended.done, ...mended.problems].join('; ')}`];
  const hint =
    mended.problems.length === 0 ? error.hint : 'Look at the processes: not all of them may be as they were.';
  return new LifeboatError(error.code, parts.join(''), { cause: error, hint });
}

async function mend(
  type: RequestType,
  killed: readonly number[],
  before: TreeBefore | undefined,
  log: string,
): Promise<Mended> {
  if (type === 'restore') return await mendRestore(killed, log);
  return before === undefined ? { done: [], problems: [] } : await mendDump(before, log);
}

/** A file that goes with its descriptor. */
function unnamedFile(): number {
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-criu-'));
  try {
    return openSync(join(directory, 'output'), 'wx+', 0o600);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
