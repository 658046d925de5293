/** The runs under a state directory: where each lies, and what its journal says of it. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFile } from '../host/file-lock.ts';
import { makeDirectory } from '../kernel/atomic-write.ts';
import { type ErrorRecord, explaining, hasErrno, isErrorCode, LifeboatError } from '../kernel/errors.ts';
import { isId } from '../kernel/ids.ts';
import type { RunStatus } from './events.ts';
import { type JournalFinding, readJournal } from './journal.ts';
import { type Progress, replay } from './replay.ts';

export const REPORT_FORMAT = 'lifeboat.run/1';

/** What became of a run, for people, scripts and the dashboard. */
export interface RunReport {
  readonly format: typeof REPORT_FORMAT;
  readonly id: string;
  readonly workflow: string;
  /** `running`: a process works on it now. `killed`: its process died, and it can be resumed. */
  readonly status: RunStatus | 'running' | 'killed';
  readonly startedAt: string;
  /** Time of the last record. */
  readonly lastAt: string;
  readonly finishedSteps: readonly { readonly id: string; readonly ms: number }[];
  readonly findings: readonly JournalFinding[];
  readonly failedStep?: string;
  readonly error?: ErrorRecord;
  /** Cleanups that are still owed, as `<step>: <name>`. */
  readonly owed: readonly string[];
}

export interface RunPaths {
  readonly directory: string;
  readonly journal: string;
  readonly lock: string;
  readonly log: string;
  readonly report: string;
}

/** @throws LifeboatError `usage` when `id` is not the name of a run */
export function runPaths(stateDir: string, id: string): RunPaths {
  if (!isId(id)) {
    throw new LifeboatError('usage', `not the id of a run: ${JSON.stringify(id)}`, { hint: 'See lifeboat runs list.' });
  }
  const directory = join(stateDir, 'runs', id);
  return {
    directory,
    journal: join(directory, 'journal.ndjson'),
    lock: join(directory, 'lock'),
    log: join(directory, 'log.ndjson'),
    report: join(directory, 'report.json'),
  };
}

export async function makeRunDirectory(stateDir: string, id: string): Promise<RunPaths> {
  const paths = runPaths(stateDir, id);
  await explaining(`create the state directory ${stateDir}`, () => makeDirectory(paths.directory, 0o700));
  return paths;
}

/**
 * A run by its journal. `status` is what is on record, so it may be of a process that died since.
 *
 * @throws LifeboatError `not-found`, `journal-damaged`
 */
export async function readRun(stateDir: string, id: string): Promise<{ progress: Progress; validBytes: number }> {
  const { directory, journal } = runPaths(stateDir, id);
  if (!existsSync(directory)) {
    throw new LifeboatError('not-found', `there is no run ${id} in ${stateDir}`, { hint: 'See lifeboat runs list.' });
  }
  const { records, validBytes } = await readJournal(journal);
  return { progress: replay(records), validBytes };
}

/** @throws LifeboatError `not-found`, `journal-damaged` */
export async function showRun(stateDir: string, id: string): Promise<RunReport> {
  const { progress } = await readRun(stateDir, id);
  return reportOf(progress, progress.status ?? ((await isLocked(stateDir, id)) ? 'running' : 'killed'));
}

/** All runs, newest first. One whose journal cannot be read is in the list with its error, and keeps no other from it. */
export async function listRuns(stateDir: string): Promise<(RunReport | { id: string; error: LifeboatError })[]> {
  const names = await readdir(join(stateDir, 'runs')).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const runs = await Promise.all(
    names.filter(isId).map(async (id) => {
      try {
        return await showRun(stateDir, id);
      } catch (error) {
        if (error instanceof LifeboatError) return { id, error };
        throw error;
      }
    }),
  );
  return runs.sort((a, b) => (startOf(a) < startOf(b) ? 1 : -1));
}

/** In digits alone. An id has the time too, but only to the second. */
function startOf(run: RunReport | { id: string }): string {
  return 'startedAt' in run ? run.startedAt.replaceAll(/\D/g, '') : run.id.slice(0, 15).replace('T', '');
}

async function isLocked(stateDir: string, id: string): Promise<boolean> {
  await using lock = await lockFile(runPaths(stateDir, id).lock);
  return lock === undefined;
}

export function reportOf(progress: Progress, status: RunReport['status']): RunReport {
  const { run, failure } = progress;
  return {
    format: REPORT_FORMAT,
    id: run.id,
    workflow: run.workflow,
    status,
    startedAt: run.at,
    lastAt: progress.lastAt,
    finishedSteps: [...progress.finished].map(([id, { ms }]) => ({ id, ms })),
    findings: [...progress.finished.values()].flatMap(({ findings }) => findings),
    ...(failure ? { failedStep: failure.step, error: knownError(failure.error) } : {}),
    owed: progress.owed.map(({ step, cleanup }) => `${step}: ${cleanup}`),
  };
}

/** A journal may hold a code of another version. */
function knownError(error: { code: string; message: string; hint?: string | undefined }): ErrorRecord {
  return {
    code: isErrorCode(error.code) ? error.code : 'failed',
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
