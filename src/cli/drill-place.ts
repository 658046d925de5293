/** Where drills of this host are kept, and that there is one at a time. */
import { readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFile } from '../host/file-lock.ts';
import { makeDirectory } from '../kernel/atomic-write.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { isId, newId } from '../kernel/ids.ts';
import { formatBytes } from '../kernel/units.ts';

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
  await rm(scratch, { recursive: true, force: true });
  await makeDirectory(scratch, 0o700);
  stack.defer(async () => await rm(scratch, { recursive: true, force: true }));
  const older = (await readdir(directory)).filter(isId).sort();
  for (const id of older.slice(0, -(keptDrills - 1))) await rm(join(directory, id), { recursive: true, force: true });
  const evidence = join(directory, newId(new Date()));
  await makeDirectory(evidence, 0o700);
  const owned = stack.move();
  return { evidence, scratch, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
}

/** @throws LifeboatError `no-space` where so many bytes of files cannot go */
export async function checkRoom(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize > bytes) return;
  throw new LifeboatError('no-space', `there is no room for ${formatBytes(bytes)} of files at ${directory}`, {
    hint: 'Name a directory with --keep, and remove what is in it afterwards.',
  });
}
