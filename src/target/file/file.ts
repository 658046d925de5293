/**
 * A directory tree as a target. An object is written under `.tmp`, synced, and only then given its name, so that a
 * crash at any moment leaves the old object or the new one. Reading never writes, so a read-only mount will do.
 */
import { stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeDirectory, syncDirectory } from '../../kernel/atomic-write.ts';
import { explaining, hasErrno, LifeboatError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { type Body, checkKey, checkPrefix, checkRange, type PutOptions, type Target } from '../target.ts';
import { temporaryName } from '../temporary.ts';
import { foldersOf } from './folders.ts';
import { objectAt, openObject, walk } from './objects.ts';
import { sweepTemporary, unlinkIfThere } from './sweep.ts';
import { publish, writeNew } from './write.ts';

const CHUNK = 1024 * 1024;

/** Filesystems without hard links (FAT, exFAT): there a name cannot be taken exclusively. */
const withoutLinks: readonly number[] = [0x4d44, 0x2011bab0];

/**
 * Opens the directory `root`.
 *
 * @param options.create makes the root when it is missing; without it a missing root is an error, because it may be a
 *   mount that is missing, and filling the directory under it would look like a backup
 * @throws LifeboatError `not-found`, `permission-denied`, …
 */
export async function openFileTarget(
  root: string,
  options: { readonly create?: boolean },
  signal: AbortSignal,
): Promise<Target> {
  throwIfAborted(signal);
  const url = pathToFileURL(root).href;
  await checkRoot(root, url, options.create === true);
  const hardLinks = !withoutLinks.includes((await statfs(root)).type);
  const temporaries = join(root, '.tmp');
  const folders = foldersOf(root);
  let swept = false;

  async function prepare(): Promise<void> {
    await folders.make(temporaries);
    if (swept) return;
    await sweepTemporary(temporaries);
    swept = true;
  }

  const pathOf = (key: string) => {
    checkKey(key);
    return join(root, ...key.split('/'));
  };

  async function put(key: string, body: Body, options: PutOptions, signal: AbortSignal) {
    const path = pathOf(key);
    throwIfAborted(signal);
    const doing = `store ${key} at ${url}`;
    const exclusive = options.ifAbsent === true;
    if (exclusive) {
      if (!hardLinks) throw new LifeboatError('unsupported', `${doing}: its filesystem cannot keep two writers apart`);
      if ((await objectAt(path, doing)) !== undefined) throw new LifeboatError('exists', `${key} is taken at ${url}`);
    }
    await explaining(doing, prepare);
    const temporary = join(temporaries, await temporaryName());
    try {
      const size = await writeNew(temporary, body, doing, signal);
      throwIfAborted(signal);
      await explaining(doing, () => place(temporary, path, { exclusive, key, url }));
      return { size };
    } catch (error) {
      folders.forget();
      await unlinkIfThere(temporary).catch(ignoreSecondError);
      throw error;
    }
  }

  async function place(temporary: string, path: string, object: Parameters<typeof publish>[2]): Promise<void> {
    const placing = async () => {
      await folders.make(dirname(path));
      await publish(temporary, path, object);
    };
    try {
      await placing();
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      // Somebody removed a directory that this process had made.
      folders.forget();
      await placing();
    }
  }

  return {
    url,
    traits: {
      atomicPut: true,
      exclusivePut: hardLinks,
      ranges: true,
      sequential: false,
      appendOnly: false,
      patient: false,
      connections: 8,
    },
    put,

    async *get(key, range, signal) {
      const path = pathOf(key);
      throwIfAborted(signal);
      const doing = `read ${key} at ${url}`;
      await using file = await openObject(path, doing);
      const info = await file?.stat();
      if (file === undefined || info?.isFile() !== true) throw new LifeboatError('not-found', `no ${key} at ${url}`);
      const { offset, length } = checkRange(key, range, info.size);
      for (let done = 0; done < length; ) {
        throwIfAborted(signal);
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, length - done));
        const { bytesRead } = await explaining(doing, () => file.read(chunk, 0, chunk.length, offset + done));
        if (bytesRead === 0) throw new LifeboatError('target-failed', `${doing}: it became shorter while being read`);
        done += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    },

    async stat(key, signal) {
      const path = pathOf(key);
      throwIfAborted(signal);
      return objectAt(path, `look for ${key} at ${url}`);
    },

    async *list(prefix, signal) {
      checkPrefix(prefix);
      yield* walk(root, prefix, `list ${url}`, signal);
    },

    async remove(key, signal) {
      const path = pathOf(key);
      throwIfAborted(signal);
      await explaining(`remove ${key} at ${url}`, async () => {
        if ((await objectAt(path, `look for ${key} at ${url}`)) === undefined) return;
        await unlinkIfThere(path);
        // Directories stay: removing an empty one could pull it from under a put that is about to use it.
        await syncDirectory(dirname(path));
      });
    },

    // Every call closes what it opened.
    async [Symbol.asyncDispose]() {},
  };
}

async function checkRoot(root: string, url: string, create: boolean): Promise<void> {
  await explaining(`open ${url}`, async () => {
    if (create) await makeDirectory(root, 0o700);
    try {
      if (!(await stat(root)).isDirectory()) throw new LifeboatError('target-failed', `${url} is not a directory`);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      throw new LifeboatError('not-found', `there is no directory ${root}`, {
        hint: 'If a disk should be mounted there, mount it; a new repository is made by `lifeboat init`.',
      });
    }
  });
}

/** The first error is the one to report; a temporary file that stays is swept later. */
function ignoreSecondError(): void {
  return;
}
