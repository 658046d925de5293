/** The moment in which a finished upload gets its name, and what makes that last. */
import { createHash } from 'node:crypto';
import { LifeboatError } from '../../kernel/errors.ts';
import { openFlags } from './packet.ts';
import { closeLater, readObject } from './download.ts';
import { isDirectory, makeFolders, parentOf } from './folders.ts';
import type { Session } from './session.ts';
import type { Uploaded } from './upload.ts';
import { hasStatus } from './wire.ts';

export interface Publication {
  readonly root: string;
  readonly key: string;
  readonly url: string;
  readonly temporary: string;
  readonly uploaded: Uploaded;
  /** The SHA-256 of the object, where its name must not be taken. */
  readonly exclusive: Buffer | undefined;
  /** An earlier attempt may have done it, and only the answer was lost. */
  readonly again: boolean;
}

/** @throws LifeboatError `exists`, `unsupported`, `usage`; SftpStatus */
export async function publish(session: Session, publication: Publication): Promise<void> {
  const { root, key, temporary, again } = publication;
  const path = `${root}/${key}`;
  if (!again || !(await isDone(session, publication, path))) {
    const naming = () => (publication.exclusive === undefined ? replace : link)(session, publication, path);
    try {
      await naming();
    } catch (error) {
      if (!hasStatus(error, 'noSuchFile') || (await session.lstat(temporary)) === undefined) throw error;
      await makeFolders(session, root, parentOf(path));
      await naming();
    }
  }
  if (publication.exclusive !== undefined) await removeIfThere(session, temporary);
  await makeNameDurable(session, path);
}

async function replace(session: Session, { temporary, key, url }: Publication, path: string): Promise<void> {
  try {
    if (session.offers('posixRename')) await session.posixRename(temporary, path);
    else await renameInSteps(session, temporary, path);
  } catch (error) {
    if (hasStatus(error, 'failure') && (await isDirectory(session, path))) throw folderInTheWay(key, url);
    throw error;
  }
}

/**
 * Where the server cannot replace in one go: the old object goes aside, and comes back when the new one does not get its
 * place. A crash in between leaves neither under the name; the old one is then `<temporary>.old`, which nobody sweeps.
 */
async function renameInSteps(session: Session, temporary: string, path: string): Promise<void> {
  const aside = `${temporary}.old`;
  try {
    return await session.rename(temporary, path);
  } catch (error) {
    const there = hasStatus(error, 'failure') ? await session.lstat(path) : undefined;
    if (there === undefined || (await isDirectory(session, path))) throw error;
  }
  await session.rename(path, aside);
  try {
    await session.rename(temporary, path);
  } catch (error) {
    await session.rename(aside, path).catch(() => undefined);
    throw error;
  }
  await removeIfThere(session, aside);
}

/** A hard link is made by one of two writers only. */
async function link(session: Session, { temporary, key, url }: Publication, path: string): Promise<void> {
  try {
    await session.hardlink(temporary, path);
  } catch (error) {
    if (!hasStatus(error, 'failure', 'unsupported', 'permissionDenied')) throw error;
    if (await isDirectory(session, path)) throw folderInTheWay(key, url);
    if ((await session.lstat(path)) !== undefined) throw new LifeboatError('exists', `${key} is taken at ${url}`);
    if (hasStatus(error, 'permissionDenied')) throw error;
    throw new LifeboatError('unsupported', `${url}: no hard links there to keep two writers apart`, { cause: error });
  }
}

/** Whether an attempt whose answer was lost had done it. */
async function isDone(session: Session, publication: Publication, path: string): Promise<boolean> {
  const { temporary, uploaded, exclusive } = publication;
  const there = await session.lstat(path);
  if (exclusive === undefined) {
    // Nobody else moves our temporary file; but a server that crashed may have lost it.
    const same = there?.size === uploaded.size && there.mtimeMs === uploaded.mtimeMs;
    const moved = same && (await session.lstat(temporary)) === undefined;
    if (moved) await removeIfThere(session, `${temporary}.old`);
    return moved;
  }
  if (there?.size !== uploaded.size) return false;
  const hash = createHash('sha256');
  for await (const chunk of readObject(session, path, uploaded.size)) hash.update(chunk);
  return hash.digest().equals(exclusive);
}

/**
 * Has the server sync the object once more now that it has its name: on ext4, XFS and Btrfs that writes the name too. The
 * protocol has no way to sync a directory.
 */
async function makeNameDurable(session: Session, path: string): Promise<void> {
  if (!session.offers('fsync')) return;
  try {
    const handle = await session.open(path, openFlags.read);
    await session.fsync(handle).finally(() => closeLater(session, handle));
  } catch (error) {
    // Somebody removed it, or replaced it by one that is not ours to read.
    if (!hasStatus(error, 'noSuchFile', 'permissionDenied')) throw error;
  }
}

export async function removeIfThere(session: Session, path: string): Promise<void> {
  try {
    await session.remove(path);
  } catch (error) {
    if (!hasStatus(error, 'noSuchFile')) throw error;
  }
}

function folderInTheWay(key: string, url: string): LifeboatError {
  return new LifeboatError('usage', `${key} cannot be stored at ${url}: a key is an object or a folder`);
}
