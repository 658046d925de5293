/** Where drills of this host are kept, and that there is one at a time. */
import { chmod, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { type Space, usualLimitMs } from '../drill/room.ts';
import { removeTree } from '../engine/restore/remove.ts';
import { lockFile } from '../host/file-lock.ts';
import { checkTrusted } from '../host/trusted.ts';
import { makeDirectory } from '../kernel/atomic-write.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { isId, newId } from '../kernel/ids.ts';
import { parseDuration } from '../kernel/units.ts';

/** More than anybody reads. */
const keptDrills = 50;

export interface DrillPlace extends AsyncDisposable {
  /** What is kept of this one. */
  readonly evidence: string;
  /** What is not: gone when the place is disposed. */
  readonly scratch: string;
}

/** @throws LifeboatError `locked` while another drill goes on */
export async function openDrillPlace(stateDir: string): Promise<DrillPlace> {
  const directory = join(stateDir, 'drills');
  await makeDirectory(directory, 0o700);
  await using stack = new AsyncDisposableStack();
  const lock = await lockFile(join(directory, 'lock'));
  if (lock === undefined) throw new LifeboatError('locked', 'another drill of this host goes on');
  stack.use(lock);
  const scratch = join(directory, 'scratch');
  // Of one that was killed.
  await removeTree(scratch);
  await makeDirectory(scratch, 0o700);
  stack.defer(async () => await removeTree(scratch));
  const older = (await readdir(directory)).filter(isId).sort();
  for (const id of older.slice(0, -(keptDrills - 1))) await rm(join(directory, id), { recursive: true, force: true });
  const evidence = join(directory, newId(new Date()));
  await makeDirectory(evidence, 0o700);
  const owned = stack.move();
  return { evidence, scratch, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

/** How long a drill of so many bytes may take. */
export const limitOf = ({ drill }: Pick<Config, 'drill'>, bytes: number): number =>
  drill?.limit === undefined ? usualLimitMs(bytes) : parseDuration(drill.limit);

export async function spaceAt(directory: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { directory, freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/**
 * A directory of ours alone, for what holds all that the host holds.
 *
 * @throws LifeboatError `untrusted` where it is somebody else's
 */
export async function privateDirectory(path: string): Promise<void> {
  await makeDirectory(path, 0o700);
  await checkTrusted(path);
  await chmod(path, 0o700);
}
