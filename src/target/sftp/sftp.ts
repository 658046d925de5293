/**
 * A directory on another host, by SFTP. An object is written below `.tmp`, synced, and only then given its name. All calls
 * share one connection; when that is lost, they go on in a new one where they were.
 */
import { createHash, type Hash } from 'node:crypto';
import { LifeboatError } from '../../kernel/errors.ts';
import { present } from '../../kernel/present.ts';
import { noSecrets } from '../../kernel/secret.ts';
import { limited, raceAbort, throwIfAborted } from '../../kernel/wait.ts';
import { type Body, checkKey, checkPrefix, chunksOf, type OpenOptions, type Target } from '../target.ts';
import { isStale, temporaryName } from '../temporary.ts';
import { explaining, orNoSpace } from './failure.ts';
import { isDirectoryMode, isFileMode, makeFolders } from './folders.ts';
import { type Link, linkTo } from './link.ts';
import { entriesOf, readFolder, walk } from './list.ts';
import { infoOf, readPatiently } from './object.ts';
import { publish, removeIfThere } from './publish.ts';
import { openSession, type Session } from './session.ts';
import { Upload, UploadFailure } from './upload.ts';
import { parseSftpUrl } from './url.ts';

/** How long calls wait for a server that is away. */
const PATIENCE_MS = 15 * 60_000;

/** For the end of a put that failed to take back what it began. */
const CLEANUP_MS = 5_000;

export interface SftpOptions extends OpenOptions {
  /** Silence after which a server that owes an answer is taken for dead. @default 60_000 */
  readonly silenceMs?: number;
  /** Of an attempt to log in. @default 20_000 */
  readonly connectTimeoutMs?: number;
}

/**
 * Opens a directory on an SFTP server.
 *
 * @throws LifeboatError `config-invalid`, `not-found`, `host-key`, `permission-denied`; `unreachable` when the server
 *   stays away for longer than `options.patienceMs`
 */
export async function openSftpTarget(text: string, options: SftpOptions, signal: AbortSignal): Promise<Target> {
  throwIfAborted(signal);
  const { destination, path, url } = parseSftpUrl(text);
  const { silenceMs, connectTimeoutMs, onWait, patienceMs = PATIENCE_MS } = options;
  const dialing = {
    settings: options.ssh ?? {},
    secrets: options.secrets ?? noSecrets,
    ...present({ silenceMs, connectTimeoutMs }),
  };
  const link = linkTo(
    (own) => openSession(destination, dialing, own),
    { windowMs: patienceMs, delayMs: Math.min(1_000, patienceMs / 20), maxDelayMs: Math.min(30_000, patienceMs / 10) },
    (error, pauseMs) => onWait?.(`${url}: ${error.message}; connecting again in ${Math.ceil(pauseMs / 1000)} s`),
  );
  try {
    const opened = await link.lasting(
      (session) => explaining(`open ${url}`, () => openRoot(session, path, url, options.create === true)),
      signal,
    );
    return sftpTarget(link, url, opened);
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

interface Opened {
  /** Absolute, without a slash at its end: empty for `/`. */
  readonly root: string;
  readonly posixRename: boolean;
  readonly hardlink: boolean;
}

async function openRoot(session: Session, path: string, url: string, create: boolean): Promise<Opened> {
  const real = async () => (await session.realpath(path)).replace(/\/+$/, '');
  if (create) {
    const home = path.startsWith('/') ? '' : (await session.realpath('.')).replace(/\/+$/, '');
    await makeFolders(session, home, path.startsWith('/') ? path : `${home}/${path}`.replace(/\/\.$/, ''));
  }
  const there = await session.stat(path);
  if (there === undefined) {
    throw new LifeboatError('not-found', `there is no directory ${url}`, {
      hint: 'If a disk should be mounted there, mount it; a new repository is made by `lifeboat init`.',
    });
  }
  if (!isDirectoryMode(there)) throw new LifeboatError('target-failed', `${url} is not a directory`);
  return { root: await real(), posixRename: session.offers('posixRename'), hardlink: session.offers('hardlink') };
}

function sftpTarget(link: Link, url: string, { root, posixRename, hardlink }: Opened): Target {
  const temporaries = `${root}/.tmp`;
  let prepared = false;

  const pathOf = (key: string) => {
    checkKey(key);
    return `${root}/${key}`;
  };

  /** One call, as often as the connection is lost during it. */
  const call = <T>(doing: string, work: (session: Session) => Promise<T>, signal: AbortSignal) =>
    link.lasting((session) => explaining(doing, () => work(session)), signal);

  /** The folder of temporary files, once without what dead processes left in it. */
  async function prepare(doing: string, signal: AbortSignal): Promise<void> {
    if (prepared) return;
    await call(doing, (session) => sweep(session, root, temporaries), signal);
    prepared = true;
  }

  async function put(key: string, body: Body, options: { readonly ifAbsent?: boolean }, signal: AbortSignal) {
    const path = pathOf(key);
    throwIfAborted(signal);
    const doing = `store ${key} at ${url}`;
    const hash = options.ifAbsent === true ? createHash('sha256') : undefined;
    if (hash !== undefined) {
      if (!hardlink) throw new LifeboatError('unsupported', `${doing}: the server cannot keep two writers apart`);
      const there = await call(doing, (session) => session.lstat(path), signal);
      if (there !== undefined && isFileMode(there)) throw new LifeboatError('exists', `${key} is taken at ${url}`);
    }
    await prepare(doing, signal);
    const newName = async () => `${temporaries}/${await temporaryName()}`;
    const upload = new Upload(newName, hash === undefined ? body : hashing(body, hash), signal);
    try {
      const uploaded = await link.lasting(
        (session, progress) => withReason(session, doing, () => upload.run(session, progress)),
        signal,
      );
      const [temporary = '', ...abandoned] = upload.paths.toReversed();
      const exclusive = hash?.digest();
      let again = false;
      await link.lasting(async (session) => {
        throwIfAborted(signal);
        const publication = { root, key, url, temporary, uploaded, exclusive, again };
        again = true;
        await withReason(session, doing, () => publish(session, publication));
      }, signal);
      await removeNow(abandoned);
      return { size: uploaded.size };
    } catch (error) {
      prepared = false;
      await upload.abandon().catch(ignoreSecondError);
      await removeNow(upload.paths);
      throw error instanceof UploadFailure ? error.cause : error;
    }
  }

  /** A refusal without a reason may be a full disk, which is to be found out while the disk is still full. */
  const withReason = <T>(session: Session, doing: string, work: () => Promise<T>) =>
    explaining(doing, async () => {
      try {
        return await work();
      } catch (error) {
        throw await orNoSpace(error, session, root || '/', doing);
      }
    });

  /** Without waiting for a server that is away: what stays is swept later. */
  async function removeNow(paths: readonly string[]): Promise<void> {
    const session = link.standing();
    if (session === undefined) return;
    using limit = limited(new AbortController().signal, CLEANUP_MS, () => new LifeboatError('interrupted', 'given up'));
    const removing = Promise.all(paths.map((path) => removeIfThere(session, path)));
    await raceAbort(removing, limit.signal).catch(ignoreSecondError);
  }

  return {
    url,
    traits: {
      atomicPut: posixRename,
      exclusivePut: hardlink,
      ranges: true,
      sequential: false,
      appendOnly: false,
      patient: true,
      connections: 32,
    },
    put,

    get: (key, range, signal) => readPatiently(link, { key, url, path: () => pathOf(key) }, range, signal),

    async stat(key, signal) {
      const path = pathOf(key);
      throwIfAborted(signal);
      const there = await call(`look for ${key} at ${url}`, (session) => session.lstat(path), signal);
      return there !== undefined && isFileMode(there) ? infoOf(there) : undefined;
    },

    async *list(prefix, signal) {
      checkPrefix(prefix);
      throwIfAborted(signal);
      const doing = `list ${url}`;
      const found = walk(
        prefix,
        (folder) => call(doing, (session) => readFolder(session, root, folder), signal),
        signal,
      );
      // A root that is gone is a mount that is gone, and must not look like an empty repository.
      const there = call(doing, (session) => session.stat(root || '/'), signal);
      there.catch(ignoreSecondError);
      let some = false;
      for await (const entry of found) {
        some = true;
        yield entry;
      }
      if (!some && (await there) === undefined) throw new LifeboatError('not-found', `there is no directory ${url}`);
    },

    async remove(key, signal) {
      const path = pathOf(key);
      throwIfAborted(signal);
      const removing = async (session: Session) => {
        try {
          await removeIfThere(session, path);
        } catch (error) {
          const there = await session.lstat(path);
          // A folder is no object, and stays.
          if (there === undefined || isFileMode(there)) throw error;
        }
      };
      await call(`remove ${key} at ${url}`, removing, signal);
    },

    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  };
}

async function sweep(session: Session, root: string, temporaries: string): Promise<void> {
  await makeFolders(session, root, temporaries);
  for (const { name, attributes } of await entriesOf(session, temporaries)) {
    if (!isFileMode(attributes) || name.endsWith('.old')) continue;
    if (await isStale(name, async () => attributes.mtimeMs)) await removeIfThere(session, `${temporaries}/${name}`);
  }
}

async function* hashing(body: Body, hash: Hash): AsyncIterable<Uint8Array> {
  for await (const chunk of chunksOf(body)) {
    hash.update(chunk);
    yield chunk;
  }
}

/** The first error is the one to report. */
function ignoreSecondError(): void {
  return;
}
