/** Files of checkpoints on this host: where they lie while they are made and brought back, and what is left there of those that were cut off. */
import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { lockFile } from '../host/file-lock.ts';
import type { Host } from '../host/host.ts';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { clearRestore, interruptedOf, isRestore } from '../runtime/checkpoint/interrupted.ts';
import { discard, leftoversOf, refuseWhileAtWork } from '../runtime/checkpoint/leftovers.ts';
import { checkpointIn } from '../runtime/checkpoint/told.ts';

/** For root alone. */
export const checkpointDirectory = (stateDir: string): string => join(stateDir, 'checkpoints');

export interface LeftCheckpoint {
  /** What `container restore` takes. */
  readonly file: string;
  /** `unstored`: whole, and in no repository, or not yet; `interrupted`: killed while it was made. */
  readonly state: 'unstored' | 'interrupted';
  /** Name of the container; absent where what is there does not say it. */
  readonly container?: string;
}

/** Of containers that may have ended, and whose memory is nowhere else. */
export async function leftCheckpoints(
  host: Host,
  stateDir: string,
  signal: AbortSignal,
): Promise<readonly LeftCheckpoint[]> {
  const names = await namesIn(checkpointDirectory(stateDir));
  const files = names.flatMap((name) => /^(.*\.tar)(\.[^.]{8})?$/.exec(name)?.[1] ?? []);
  const left: LeftCheckpoint[] = [];
  for (const name of [...new Set(files)].sort()) {
    const file = join(checkpointDirectory(stateDir), name);
    if (names.includes(name)) {
      // One that cannot be read is there all the same.
      const found = await checkpointIn(host, file, signal).catch(unreadable);
      left.push({ file, state: 'unstored', ...present({ container: found?.container.name }) });
      continue;
    }
    const begun = await interruptedOf(host, file, signal);
    if (begun !== undefined) left.push({ file, state: 'interrupted', container: begun.intent.container.name });
  }
  return left;
}

function unreadable(error: unknown): undefined {
  if (!(error instanceof LifeboatError) || error.code === 'interrupted') throw error;
}

/** What it is, and what makes it run again. */
export function leftText({ file, state, container }: LeftCheckpoint): string {
  const of = container === undefined ? '' : ` of ${container}`;
  return state === 'unstored'
    ? `a checkpoint${of} is in no repository, unless a run is about to store it: lifeboat container restore ${file} makes it run again; remove the file where nobody needs it`
    : `a checkpoint${of} was interrupted, unless a run is at it: lifeboat container restore ${file} makes it run again, or removes what is left where it runs`;
}

export interface RestoreDirectory extends AsyncDisposable {
  /** Empty, for root alone. */
  readonly path: string;
}

/** So long one that is being made may have no lock yet. */
const makingMs = 60_000;

/** A directory for memory that is brought back; removed in the end, or by {@link sweepRestores} after whoever was killed. */
export async function restoreDirectory(stateDir: string, host: Host): Promise<RestoreDirectory> {
  const above = checkpointDirectory(stateDir);
  await mkdir(above, { recursive: true, mode: 0o700 });
  const own = await mkdtemp(join(above, 'restore-'));
  await using stack = new AsyncDisposableStack();
  // What CRIU has mounted in there is not ours to remove.
  stack.defer(async () => await discard(host, own));
  const lock = await lockFile(join(own, 'lock'));
  if (lock === undefined) throw new LifeboatError('locked', `another process holds ${own}, which was made just now`);
  stack.use(lock);
  const path = join(own, 'data');
  await mkdir(path, { mode: 0o700 });
  const kept = stack.move();
  return { path, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}

/** Removes the directories of restores that were killed: they hold memory, and nobody reads them any more. */
export async function sweepRestores(stateDir: string, host: Host, signal: AbortSignal): Promise<void> {
  const above = checkpointDirectory(stateDir);
  for (const name of await namesIn(above)) {
    if (!/^restore-[A-Za-z0-9]{6}$/.test(name)) continue;
    const directory = join(above, name);
    const found = (await stat(join(directory, 'lock')).catch(absent)) ?? (await stat(directory).catch(absent));
    if (found === undefined || Date.now() - found.mtimeMs < makingMs) continue;
    await using lock = await lockFile(join(directory, 'lock'));
    // A runtime that a killed lifeboat had started may be at it still.
    if (lock === undefined || (await isNamedByProcess(directory))) continue;
    const { stdout } = await host.run(
      ['find', directory, '-xdev', '-type', 'd', '-name', '*.tar.????????', '-prune', '-print0'],
      {},
      signal,
    );
    const files = stdout
      .toString()
      .split('\0')
      .slice(0, -1)
      .map((work) => work.slice(0, -'.XXXXXXXX'.length));
    const kept: string[] = [];
    for (const file of new Set(files)) kept.push(...(await letGoOf(file, host, signal)));
    // The next one comes to it again.
    if (kept.length === 0) await discard(host, directory);
  }
}

/**
 * What killed checkpoints and restores have left beside a file that nobody needs any more, with what was half made of the container.
 *
 * @returns what stays, and why
 */
export async function letGoOf(file: string, host: Host, signal: AbortSignal): Promise<readonly string[]> {
  const kept: string[] = [];
  for (const leftover of await leftoversOf(host, file, signal)) {
    try {
      if (isRestore(leftover)) await clearRestore(host, leftover, signal);
      else {
        await refuseWhileAtWork(host, leftover, false, signal);
        await discard(host, leftover.work);
      }
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof LifeboatError)) throw error;
      kept.push(`${leftover.work}: ${error.message}`);
    }
  }
  return kept;
}

async function isNamedByProcess(directory: string): Promise<boolean> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(`${directory}/`)) return true;
  }
  return false;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await readdir(directory).catch(absent)) ?? [];
}

function absent(error: unknown): undefined {
  if (!hasErrno(error, 'ENOENT')) throw error;
}
