import { LifeboatError } from '../../kernel/errors.ts';
import type { Attributes } from './packet.ts';
import type { Session } from './session.ts';
import { hasStatus } from './wire.ts';

const KIND = 0o170000;
const DIRECTORY = 0o040000;
const FILE = 0o100000;

export function isFileMode({ mode }: Attributes): boolean {
  return ((mode ?? 0) & KIND) === FILE;
}

export function isDirectoryMode({ mode }: Attributes): boolean {
  return ((mode ?? 0) & KIND) === DIRECTORY;
}

export async function isDirectory(session: Session, path: string): Promise<boolean> {
  const there = await session.stat(path);
  return there !== undefined && isDirectoryMode(there);
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/**
 * Makes the directories from below `root` down to `path`; the root itself never, for a missing one is a missing mount.
 *
 * @throws LifeboatError `usage` when an object is in the way; SftpStatus
 */
export async function makeFolders(session: Session, root: string, path: string): Promise<void> {
  if (path.length <= root.length) return;
  try {
    await session.mkdir(path);
  } catch (error) {
    if (await isDirectory(session, path)) return;
    if ((await session.lstat(path)) !== undefined) {
      throw new LifeboatError(
        'usage',
        `${path.slice(root.length + 1)} is an object, so nothing can be stored below it`,
      );
    }
    if (!hasStatus(error, 'noSuchFile') || parentOf(path).length <= root.length) throw error;
    await makeFolders(session, root, parentOf(path));
    await session.mkdir(path).catch(async (second: unknown) => {
      if (!(await isDirectory(session, path))) throw second;
    });
  }
}
