/** All objects below a folder, several folders at once, without a request for each object. */
import { LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { isKeySegment, type ObjectEntry } from '../target.ts';
import { isDirectoryMode, isFileMode } from './folders.ts';
import type { Entry, Session } from './session.ts';
import { closeLater } from './download.ts';
import { hasStatus } from './wire.ts';

/** Folders that are read at once. */
const FOLDERS = 16;

/** Requests for more of one folder: a server gives some hundred entries for each. */
const AHEAD = 4;

/** Answers one after the other without a new name, and names of one folder: more of either never come to an end. */
const MOST_REPEATED = 1000;
const MOST_NAMES = 5_000_000;

interface Folder {
  readonly objects: readonly ObjectEntry[];
  readonly folders: readonly string[];
}

/** @param read lists one folder, and tries again as it sees fit */
export async function* walk(
  prefix: string,
  read: (folder: string) => Promise<Folder>,
  signal: AbortSignal,
): AsyncIterable<ObjectEntry> {
  const waiting = [prefix];
  const reading = new Map<string, Promise<{ readonly name: string } & Folder>>();
  for (;;) {
    throwIfAborted(signal);
    while (waiting.length > 0 && reading.size < FOLDERS) {
      const name = waiting.shift() ?? '';
      const found = read(name).then((folder) => ({ name, ...folder }));
      // The race below tells the first failure; the others come after it.
      found.catch(() => undefined);
      reading.set(name, found);
    }
    if (reading.size === 0) return;
    const { name, objects, folders } = await Promise.race(reading.values());
    reading.delete(name);
    waiting.push(...folders);
    for (const object of objects) {
      throwIfAborted(signal);
      yield object;
    }
  }
}

/** What a folder holds that can be an object or lead to one; nothing where it is not there. */
export async function readFolder(session: Session, root: string, folder: string): Promise<Folder> {
  const path = folder === '' ? root || '/' : `${root}/${folder}`;
  const objects: ObjectEntry[] = [];
  const folders: string[] = [];
  for (const { name, attributes } of await entriesOf(session, path)) {
    if (!isKeySegment(name)) continue;
    const key = folder === '' ? name : `${folder}/${name}`;
    const known = attributes.mode === undefined ? await session.lstat(`${path}/${name}`) : attributes;
    if (known === undefined) continue;
    if (isDirectoryMode(known)) folders.push(key);
    if (isFileMode(known)) objects.push({ key, size: known.size ?? 0, mtimeMs: known.mtimeMs ?? 0 });
  }
  return { objects, folders };
}

/** Each name once, also where the directory changes meanwhile. */
export async function entriesOf(session: Session, path: string): Promise<readonly Entry[]> {
  const found = new Map<string, Entry>();
  let handle: Buffer;
  try {
    handle = await session.opendir(path);
  } catch (error) {
    // A file of that name, for some servers, is a failure.
    if (hasStatus(error, 'noSuchFile')) return [];
    if (hasStatus(error, 'failure') && (await isFile(session, path))) return [];
    throw error;
  }
  const asked = Array.from({ length: AHEAD }, () => session.readdir(handle));
  for (const one of asked) one.catch(() => undefined);
  let nothingNew = 0;
  for (let ended = false; asked.length > 0; ) {
    const entries = await asked.shift();
    ended ||= entries === undefined;
    const before = found.size;
    for (const entry of entries ?? []) found.set(entry.name, entry);
    nothingNew = found.size > before ? 0 : nothingNew + 1;
    if (nothingNew > MOST_REPEATED || found.size > MOST_NAMES) {
      closeLater(session, handle);
      throw new LifeboatError('target-failed', `the server lists ${path} without an end`);
    }
    if (ended) continue;
    const more = session.readdir(handle);
    more.catch(() => undefined);
    asked.push(more);
  }
  closeLater(session, handle);
  return [...found.values()];
}

async function isFile(session: Session, path: string): Promise<boolean> {
  const there = await session.lstat(path);
  return there !== undefined && isFileMode(there);
}
