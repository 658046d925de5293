/** Steps that bring files out of a recovery point into an empty directory. */
import type { BigIntStats } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Host } from '../host/host.ts';
import { checkTrusted } from '../host/trusted.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { AT_FDCWD, utimensat } from '../native/file.ts';
import { getXattr, listXattrs, setXattr } from '../native/xattr.ts';
import type { CleanupContext } from '../workflow/step.ts';
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
    async removeStaging(
      { directory, staging, created }: { directory: string; staging: string; created: boolean },
      { host, signal }: CleanupContext,
    ) {
      await removeTree(host, staging, signal);
      if (!created) return;
      await rmdir(directory).catch((error: unknown) => {
        if (!hasErrno(error, 'ENOENT', 'ENOTEMPTY')) throw error;
      });
    },
  },
  run: async ({ state: { config, point, restoreRequest }, runId, onFailure, say, secrets, signal }) => {
    const { directory, paths } = restoreRequest;
    const created = await checkEmpty(directory);
    await checkOurs(created ? dirname(directory) : directory);
    const staging = stagingOf(directory, runId);
    await using repository = await openConfigured(config, { say, secrets }, signal);
    await onFailure('removeStaging', { directory, staging, created });
    await explaining(`create ${staging}`, () => mkdir(staging, { recursive: true, mode: 0o700 }));
    const report = await repository.engine.restore(
      {
        target: repository.target,
        hostName: point.host.name,
        pointId: point.id,
        sealing: repository.keys,
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
    return { restored: { staging, created, entries: report.entries, bytes: report.bytes } };
  },
});

/** Whether the directory has to be made; refuses one that holds anything. */
async function checkEmpty(directory: string): Promise<boolean> {
  try {
    if ((await othersIn(directory)).length === 0) return false;
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

/** A fresh filesystem has one folder, which no restore could be meant to keep clear of. */
async function othersIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name !== 'lost+found');
}

/**
 * Whoever may rename in the directory could put a link in place of what is being restored, and have root write, or move
 * files, wherever that leads.
 */
async function checkOurs(directory: string): Promise<void> {
  try {
    await checkTrusted(await realpath(directory));
  } catch (cause) {
    if (!(cause instanceof LifeboatError && cause.code === 'untrusted')) throw cause;
    throw new LifeboatError('refused', `not safe to restore into: ${cause.message}`, {
      hint: 'Restore into a directory that nobody else can change, and move the files from there.',
      cause,
    });
  }
}

/** Also where a restored directory lets not even its owner write. */
async function removeTree(host: Host, path: string, signal: AbortSignal): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!hasErrno(error, 'EACCES')) throw error;
    await host.run(['chmod', '-R', 'u+rwX', '--', path], { okCodes: [0, 1] }, signal);
    await rm(path, { recursive: true, force: true });
  }
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
      const others = (await othersIn(directory)).filter((name) => name !== basename(staging));
      if (others.length > 0) throw notEmpty(directory);
      // Names are bytes: as strings of Node's, one that is not UTF-8 would not be found again.
      const names = (await readdir(staging, { encoding: 'buffer' })).map(nameFromBytes);
      await onFailure('moveBack', { directory, staging, names });
      const root = await lstat(staging, { bigint: true });
      // As the root of the point was, it may let not even its owner move what is in it.
      await chmod(staging, 0o700);
      for (const name of names) await rename(below(staging, name), below(directory, name));
      if (restored.created) await takeOver(staging, root, directory);
      else await rm(staging, { recursive: true, force: true });
    });
    return { published: directory };
  },
});

/** Ends the staging folder; the directory, made for the restore, becomes as the root of the point was if that is in it. */
async function takeOver(staging: string, root: BigIntStats, directory: string): Promise<void> {
  await chown(directory, Number(root.uid), Number(root.gid));
  for (const name of listXattrs(staging)) {
    const value = getXattr(staging, name);
    if (value !== undefined) setXattr(directory, name, value);
  }
  await rm(staging, { recursive: true, force: true });
  await chmod(directory, Number(root.mode) & 0o7777);
  utimensat(AT_FDCWD, directory, root.atimeNs, root.mtimeNs, false);
}

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
