/** Steps that bring files out of a recovery point into an empty directory. */
import { lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { step } from './define.ts';
import { openConfigured } from './repository.ts';

/** What is restored lies here until it is whole, so that nobody takes a half for the whole. */
function stagingOf(directory: string, runId: string): string {
  return join(directory, `.lifeboat-restore-${runId}`);
}

export const restoreFiles = step({
  id: 'files',
  title: 'Restore the files and compare them with the point',
  needs: ['config', 'point', 'restoreRequest'],
  gives: ['restored'],
  timeout: '7d',
  cleanups: {
    async removeStaging({ directory, staging, created }: { directory: string; staging: string; created: boolean }) {
      await rm(staging, { recursive: true, force: true });
      if (!created) return;
      await rmdir(directory).catch((error: unknown) => {
        if (!hasErrno(error, 'ENOENT', 'ENOTEMPTY')) throw error;
      });
    },
  },
  run: async ({ state: { config, point, restoreRequest }, runId, onFailure, say, signal }) => {
    const { directory, paths } = restoreRequest;
    const created = await checkEmpty(directory);
    const staging = stagingOf(directory, runId);
    await using repository = await openConfigured(config, say, signal);
    await onFailure('removeStaging', { directory, staging, created });
    await explaining(`create ${staging}`, () => mkdir(staging, { recursive: true, mode: 0o700 }));
    const report = await repository.engine.restore(
      {
        target: repository.target,
        hostName: point.host.name,
        pointId: point.id,
        stored: point.data.stored,
        paths,
        directory: staging,
        onProgress: ({ doneBytes, totalBytes }) => {
          say({ type: 'progress', done: doneBytes, unit: 'bytes', ...(totalBytes ? { total: totalBytes } : {}) });
        },
      },
      signal,
    );
    for (const finding of report.findings) say({ type: 'finding', ...finding });
    return { restored: { staging, entries: report.entries, bytes: report.bytes } };
  },
});

/** Whether the directory has to be made; refuses one that holds anything. */
async function checkEmpty(directory: string): Promise<boolean> {
  try {
    const names = await readdir(directory);
    if (names.length === 0) return false;
    throw notEmpty(directory);
  } catch (error) {
    if (hasErrno(error, 'ENOTDIR'))
      throw new LifeboatError('refused', `${directory} is not a directory`, { cause: error });
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
  const name = await lstat(directory).catch((error: unknown) => {
    if (!hasErrno(error, 'ENOENT')) throw error;
  });
  if (name) throw new LifeboatError('refused', `${directory} is a symbolic link that leads to nothing`);
  await explaining(`restore into ${directory}`, () => lstat(dirname(directory)));
  return true;
}

function notEmpty(directory: string): LifeboatError {
  return new LifeboatError('refused', `${directory} is not empty`, {
    hint: 'Restore into a new or empty directory; nothing was overwritten.',
  });
}

export const publish = step({
  id: 'publish',
  title: 'Move what was restored to its place',
  needs: ['restored', 'restoreRequest'],
  gives: ['published'],
  timeout: '10m',
  cleanups: {
    /** So that a run that was stopped in between leaves the directory as it found it, and can be resumed. */
    async moveBack({ directory, staging, names }: { directory: string; staging: string; names: string[] }) {
      await mkdir(staging, { recursive: true, mode: 0o700 });
      for (const name of names) {
        // What is still in its first place was not moved: the same name in the directory is somebody else's.
        if (await exists(below(staging, name))) continue;
        if (await exists(below(directory, name))) await rename(below(directory, name), below(staging, name));
      }
    },
  },
  run: async ({ state: { restored, restoreRequest }, onFailure }) => {
    const { staging } = restored;
    const { directory } = restoreRequest;
    await explaining(`move ${basename(staging)} to ${directory}`, async () => {
      const others = (await readdir(directory)).filter((name) => name !== basename(staging));
      if (others.length > 0) throw notEmpty(directory);
      // Names are bytes: as strings of Node's, one that is not UTF-8 would not be found again.
      const names = (await readdir(staging, { encoding: 'buffer' })).map(nameFromBytes);
      await onFailure('moveBack', { directory, staging, names });
      for (const name of names) await rename(below(staging, name), below(directory, name));
      await rm(staging, { recursive: true, force: true });
    });
    return { published: directory };
  },
});

function below(directory: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), nameToBytes(name)]);
}

async function exists(path: Buffer): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
