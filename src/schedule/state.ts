/** What is on record of jobs and notices, below `schedules/` in the state directory. Each file is replaced as a whole. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { JobName } from '../config/schedule.ts';
import { lockFile } from '../host/file-lock.ts';
import { makeDirectory, writeFileAtomic } from '../kernel/atomic-write.ts';
import { parseDocument, type Schema } from '../kernel/document.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import type { History } from './due.ts';

const JOB_FORMAT = 'lifeboat.job/1';
const NOTICES_FORMAT = 'lifeboat.notices/1';

const instant = z.iso.datetime();

const jobSchema = z.object({
  format: z.literal(JOB_FORMAT),
  /** Every tick up to here is done with. */
  handled: instant,
  /** The run that was begun last, until it has ended. */
  running: z.object({ tick: instant, startedAt: instant, beginnings: z.number() }).exactOptional(),
  /** How the last one ended. */
  last: z
    .object({
      tick: instant,
      startedAt: instant,
      endedAt: instant,
      outcome: z.enum(['done', 'incomplete', 'difference', 'failed', 'killed', 'missed', 'overlapped']),
      exitStatus: z.number().exactOptional(),
      run: z.string().exactOptional(),
      problem: z.string().exactOptional(),
      attempts: z.number(),
    })
    .exactOptional(),
});

const noticesSchema = z.object({
  format: z.literal(NOTICES_FORMAT),
  /** Since when somebody looks for silence. */
  since: instant,
  /** When the state of the host was last found out. */
  lookedAt: instant.exactOptional(),
  /** Jobs of which somebody was told something bad, and nothing good since. */
  open: z.array(z.string()),
  /** What was told of a job's findings or drift, so that the same is not told every night. */
  told: z.record(z.string(), z.string()),
  /** When somebody was told of silence. */
  silentToldAt: instant.exactOptional(),
  /** What was known when the repository could last be read. */
  lastVerified: z.object({ id: z.string(), arrivedAt: instant }).exactOptional(),
  /** When somebody was told that no drill has passed for too long. */
  undrilledToldAt: instant.exactOptional(),
  /** As {@link lastVerified}: the last drill that passed. */
  lastPassedDrill: instant.exactOptional(),
  unsent: z.array(z.string()),
});

export type JobState = z.infer<typeof jobSchema>;
export type JobEnd = NonNullable<JobState['last']>;
export type Notices = z.infer<typeof noticesSchema>;

export interface JobPaths {
  readonly directory: string;
  readonly state: string;
  readonly lock: string;
}

export function jobPaths(stateDir: string, job: JobName): JobPaths {
  const directory = join(stateDir, 'schedules');
  return { directory, state: join(directory, `${job}.json`), lock: join(directory, `${job}.lock`) };
}

export function schedulerLock(stateDir: string): string {
  return join(stateDir, 'schedules', 'scheduler.lock');
}

/** Whether a scheduler works on this state directory. Nothing is made to find that out. */
export async function schedulerRuns(stateDir: string): Promise<boolean> {
  return isHeld(schedulerLock(stateDir));
}

/** Whether a process works on a job at this moment. */
export async function jobRuns(stateDir: string, job: JobName): Promise<boolean> {
  return isHeld(jobPaths(stateDir, job).lock);
}

async function isHeld(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  await using lock = await lockFile(path);
  return lock === undefined;
}

export async function makeScheduleDirectory(stateDir: string): Promise<void> {
  const directory = join(stateDir, 'schedules');
  await explaining(`create ${directory}`, () => makeDirectory(directory, 0o700));
}

/** `undefined` where there is none yet. @throws LifeboatError `record-damaged`, `newer-format` */
export async function readJobState(stateDir: string, job: JobName): Promise<JobState | undefined> {
  return readState(jobPaths(stateDir, job).state, jobSchema, JOB_FORMAT);
}

export async function writeJobState(stateDir: string, job: JobName, state: Omit<JobState, 'format'>): Promise<void> {
  await writeFileAtomic(jobPaths(stateDir, job).state, text({ format: JOB_FORMAT, ...state }));
}

export function historyOf({ handled, running }: Pick<JobState, 'handled' | 'running'>): History {
  return {
    handled: Date.parse(handled),
    ...(running === undefined
      ? {}
      : {
          running: {
            tick: Date.parse(running.tick),
            startedAt: Date.parse(running.startedAt),
            beginnings: running.beginnings,
          },
        }),
  };
}

/** @throws LifeboatError `newer-format`; a file that is damaged tells nothing, and is begun anew */
export async function readNotices(stateDir: string, now: Date): Promise<Notices> {
  const fresh: Notices = { format: NOTICES_FORMAT, since: now.toISOString(), open: [], told: {}, unsent: [] };
  try {
    return (await readState(noticesPath(stateDir), noticesSchema, NOTICES_FORMAT)) ?? fresh;
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'record-damaged') return fresh;
    throw error;
  }
}

export async function writeNotices(stateDir: string, notices: Notices): Promise<void> {
  await writeFileAtomic(noticesPath(stateDir), text(notices));
}

function noticesPath(stateDir: string): string {
  return join(stateDir, 'schedules', 'notices.json');
}

export function noticesLock(stateDir: string): string {
  return join(stateDir, 'schedules', 'notices.lock');
}

function text(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

async function readState<T>(path: string, schema: Schema<T>, format: string): Promise<T | undefined> {
  const bytes = await explaining(`read ${path}`, async () => {
    try {
      return await readFile(path);
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  });
  return bytes === undefined ? undefined : parseDocument(bytes, schema, format, path);
}
