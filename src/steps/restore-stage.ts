/**
 * The directories in which a restore makes files before it moves them to their places, and what is written down there for
 * whoever goes on: what was agreed to, and what was made where nothing was.
 */
import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, lstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { mkdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { beneath } from '../engine/restore/beneath.ts';
import { type Stage, stagedIn } from '../engine/restore/stage.ts';
import { lockFile } from '../host/file-lock.ts';
import type { Host } from '../host/host.ts';
import { checkTrusted } from '../host/trusted.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { nameToBytes } from '../kernel/text.ts';

/** As it lies in the journal, for undoing. */
export interface Staging {
  readonly directory: string;
  /** Whether that was made for the restore. */
  readonly made: boolean;
  readonly pointId: string;
  /** Directories below it that lie on other filesystems, relative to it. */
  readonly crossings: readonly string[];
}

/** One point is restored into one directory by one process at a time, so the name is known to every attempt. */
export function stagingIn(directory: string, pointId: string): string {
  return join(directory, `.lifeboat-restore-${pointId}`);
}

export function stageOf({ directory, pointId, crossings }: Staging): Stage {
  const files = (at: string) => join(stagingIn(at, pointId), 'files');
  return {
    directory: files(directory),
    elsewhere: crossings.map((path) => ({ path, directory: files(join(directory, path)) })),
  };
}

/** @throws LifeboatError `refused` where somebody else could change what is staged; `locked` */
export async function openStaging(staging: Staging): Promise<AsyncDisposable> {
  const { directory, pointId, crossings } = staging;
  const top = stagingIn(directory, pointId);
  await explaining(`create ${top}`, () => mkdir(join(top, 'files'), { recursive: true, mode: 0o700 }));
  await checkTrusted(top);
  for (const path of crossings) {
    const name = `.lifeboat-restore-${pointId}`;
    const at = stagingIn(join(directory, path), pointId);
    await explaining(`create ${at}`, async () => {
      beneath(directory, `${path}/${name}`, (place) => {
        if (!lstatSync(nameToBytes(place), { throwIfNoEntry: false })) mkdirSync(nameToBytes(place), { mode: 0o700 });
      });
      await checkStaging(at);
      await mkdir(join(at, 'files', path), { recursive: true, mode: 0o700 });
    });
  }
  const lock = await lockFile(join(top, 'lock'));
  if (lock) return lock;
  throw new LifeboatError('locked', `another process restores the point ${pointId} into ${directory}`);
}

async function checkStaging(path: string): Promise<void> {
  try {
    await checkTrusted(path);
  } catch (cause) {
    if (!(cause instanceof LifeboatError && cause.code === 'untrusted')) throw cause;
    throw new LifeboatError('refused', `not safe to restore where others can change something: ${cause.message}`, {
      hint: 'Restore what belongs there into a directory that nobody else can change, and move them from there.',
      cause,
    });
  }
}

const notesSchema = z.object({
  /** The run and digest by which it was agreed to lose the items. */
  run: z.string(),
  digest: z.string(),
  agreed: z.array(z.string()).readonly(),
  /** Whether the directory was made for it. */
  made: z.boolean(),
});
export type Notes = z.infer<typeof notesSchema>;

function notesFile({ directory, pointId }: Staging): string {
  return join(stagingIn(directory, pointId), 'notes.json');
}

/** `undefined` when nobody was here before. */
export async function readNotes(staging: Staging): Promise<Notes | undefined> {
  try {
    return notesSchema.parse(JSON.parse(await readFile(notesFile(staging), 'utf8')));
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export async function writeNotes(staging: Staging, notes: Notes): Promise<void> {
  await writeFileAtomic(notesFile(staging), JSON.stringify(notes));
}

/** Beside what is to be made, in a directory that was found to be ours. */
function freshFor({ directory, pointId }: Staging): string {
  const told = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  return join(dirname(directory), `.lifeboat-restore-${pointId}-${told}`);
}

/**
 * The directory to restore into, where there is none. It appears together with the notes, so that whoever goes on knows
 * that it is to become as the root of the point was.
 *
 * @throws LifeboatError `refused` where somebody else put something in its place
 */
export async function makeDestination(staging: Staging, notes: Notes): Promise<void> {
  const { directory, pointId } = staging;
  if (lstatSync(directory, { throwIfNoEntry: false })) return checkStaging(directory);
  const fresh = freshFor(staging);
  await explaining(`create ${directory}`, async () => {
    await mkdir(fresh, { mode: 0o700 }).catch((error: unknown) => {
      if (!hasErrno(error, 'EEXIST')) throw error;
    });
    // Where others may make names, it may be a link of theirs.
    await checkStaging(fresh);
    await mkdir(stagingIn(fresh, pointId), { recursive: true, mode: 0o700 });
    await writeNotes({ ...staging, directory: fresh }, notes);
    await rename(fresh, directory);
  });
}

/** Something that was about to be moved to where nothing was, by this attempt or one before. */
const createdSchema = z.object({ path: z.string(), born: z.string() });
type Created = z.infer<typeof createdSchema>;

/** Tells what was moved from what somebody made under its name since: a number alone is soon given to another file. */
function bornAs({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}:${birthtimeNs}`;
}

function createdFile({ directory, pointId }: Staging): string {
  return join(stagingIn(directory, pointId), 'created');
}

/** Notes what is created before it is, so that {@link undoStaging} takes back that, and nothing else. */
export function createdLog(staging: Staging): Disposable & { note(path: string, staged: BigIntStats): void } {
  const file = openSync(createdFile(staging), 'a', 0o600);
  return {
    note(path, staged) {
      // Each begins a line, also after a half one.
      writeSync(file, `\n${JSON.stringify({ path, born: bornAs(staged) } satisfies Created)}`);
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

async function readCreated(staging: Staging): Promise<Created[]> {
  const text = await readFile(createdFile(staging), 'utf8').catch((error: unknown) => {
    if (!hasErrno(error, 'ENOENT')) throw error;
    return '';
  });
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [createdSchema.parse(JSON.parse(line))];
    } catch {
      // Killed while it was written: then it was not moved.
      return [];
    }
  });
}

export async function removeStaging(host: Host, staging: Staging, signal: AbortSignal): Promise<void> {
  const { directory, pointId, crossings } = staging;
  for (const path of crossings) await removeTree(host, stagingIn(join(directory, path), pointId), signal);
  // Before the notes: as long as there is something, it can be undone.
  await removeTree(host, join(stagingIn(directory, pointId), 'files'), signal);
  await removeTree(host, stagingIn(directory, pointId), signal);
}

/** Takes back what was made where nothing was, and removes all that was staged. What was overwritten is gone. */
export async function undoStaging(host: Host, staging: Staging, signal: AbortSignal): Promise<void> {
  const top = stagingIn(staging.directory, staging.pointId);
  if (lstatSync(top, { throwIfNoEntry: false })) {
    await using lock = await lockFile(join(top, 'lock'));
    if (lock === undefined) {
      throw new LifeboatError(
        'locked',
        `another process restores the point ${staging.pointId} into ${staging.directory}`,
      );
    }
    for (const created of await readCreated(staging)) takeBack(staging, created);
    await removeStaging(host, staging, signal);
  }
  if (!staging.made) return;
  await removeTree(host, freshFor(staging), signal);
  await rmdir(staging.directory).catch((error: unknown) => {
    if (!hasErrno(error, 'ENOENT', 'ENOTEMPTY')) throw error;
  });
}

/** Only what still is what was moved: anything else under its name is somebody's own. */
function takeBack(staging: Staging, { path, born }: Created): void {
  const stage = stagedIn(stageOf(staging), path);
  mkdirSync(nameToBytes(stage), { recursive: true });
  try {
    beneath(staging.directory, path, (place) => {
      const there = lstatSync(nameToBytes(place), { bigint: true });
      if (bornAs(there) === born) renameSync(nameToBytes(place), nameToBytes(`${stage}/.taken-back-${there.ino}`));
    });
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error;
  }
}

/** Also where a restored directory lets not even its owner write, and where a file has a flag that keeps it. */
async function removeTree(host: Host, path: string, signal: AbortSignal): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!hasErrno(error, 'EACCES')) throw error;
    await host.run(['chmod', '-R', 'u+rwX', '--', path], { okCodes: [0, 1] }, signal);
    await rm(path, { recursive: true, force: true });
  }
}
