/** The tar that a checkpoint is kept in, by GNU tar. It holds memory, so only its owner may read it. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Host } from '../../host/host.ts';
import { asLifeboatError, LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import { parentLinks } from './passes.ts';

const workMs = 3_600_000;
/** Some hundred thousand members: CRIU writes a dozen images for each process. */
const maxListing = 32 << 20;

export async function pack(host: Host, tree: string, archive: string, signal: AbortSignal): Promise<void> {
  const argv = [
    'tar',
    '--create',
    '--format=gnu',
    '--numeric-owner',
    ...parentLinks.map((path) => `--exclude=${path}`),
    '--file',
    archive,
    '--directory',
    tree,
    '.',
  ] as const;
  await host.run(argv, { timeoutMs: workMs }, signal);
}

const joining = 'exec cat -- "$1" >>"$2"';

/**
 * Puts files behind an archive, as an archive of their own: readers that know nothing of them see only the first.
 *
 * @param names of files in `directory`
 */
export async function append(
  host: Host,
  archive: string,
  directory: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const own = `${archive}.more`;
  await host.run(
    ['tar', '--create', '--format=gnu', '--numeric-owner', '--file', own, '--directory', directory, '--', ...names],
    { timeoutMs: workMs },
    signal,
  );
  await host.run(['sh', '-c', joining, 'sh', own, archive], { timeoutMs: workMs }, signal);
}

export interface Member {
  readonly path: string;
  readonly bytes: number;
}

/**
 * @param called what it is a copy of
 * @throws LifeboatError `archive-damaged`; `archive-unsafe` for what is no file or directory below the archive's own root
 */
export async function membersOf(
  host: Host,
  archive: string,
  signal: AbortSignal,
  called = archive,
): Promise<readonly Member[]> {
  const argv = ['tar', '--list', '--verbose', '--numeric-owner', '--quoting-style=escape', '--file', archive] as const;
  const options = { timeoutMs: workMs, maxOutput: maxListing };
  const large = refusingLarge(called, 'the list of its members', maxListing);
  const { stdout } = await host.run(argv, options, signal).catch((cause: unknown) => {
    if (cause instanceof LifeboatError && cause.code === 'output-too-large') return large(cause);
    if (!(cause instanceof LifeboatError) || cause.code !== 'command-failed') throw cause;
    throw new LifeboatError('archive-damaged', `${called} is no checkpoint: tar cannot read it`, { cause });
  });
  return parseMembers(nameFromBytes(stdout), called);
}

/** @param listing of `tar --list --verbose` */
export function parseMembers(listing: string, archive: string): readonly Member[] {
  return listing
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [, kind = '', bytes = '', path = ''] = /^(.)\S* +\S+ +(\d+) \S+ \S+ (.*)$/.exec(line) ?? [];
      if (!'-d'.includes(kind) || kind === '' || path.startsWith('/') || path.split('/').includes('..')) {
        throw new LifeboatError('archive-unsafe', `${archive} holds what no checkpoint has: ${line}`);
      }
      return kind === 'd' ? [] : [{ path: path.replace(/^\.\//, ''), bytes: Number(bytes) }];
    });
}

/**
 * The content of a small member, also of what was put behind; `undefined` where there is none of this name.
 *
 * @param maxBytes that are read
 * @throws LifeboatError `archive-unsafe` for one that is larger
 */
export async function readMember(
  host: Host,
  archive: string,
  path: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const argv = ['tar', '--extract', '--ignore-zeros', '--to-stdout', '--file', archive, '--', path] as const;
  const options = { okCodes: [0, 2], timeoutMs: workMs, maxOutput: maxBytes };
  const { code, stdout } = await host.run(argv, options, signal).catch(refusingLarge(archive, path, maxBytes));
  return code === 0 ? stdout : undefined;
}

function refusingLarge(archive: string, what: string, maxBytes: number): (cause: unknown) => never {
  return (cause) => {
    if (!(cause instanceof LifeboatError) || cause.code !== 'output-too-large') throw cause;
    const words = `${archive} holds what no checkpoint has: ${what} has more than ${formatBytes(maxBytes)}`;
    throw new LifeboatError('archive-unsafe', words, { cause });
  };
}

export interface Content {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** @throws LifeboatError `archive-damaged` where it cannot be read */
export async function contentOf(file: string, signal: AbortSignal): Promise<Content> {
  return await poured(file, undefined, undefined, signal);
}

/** So much at once: with less, most of the time goes into waiting for the next. */
const chunkBytes = 1 << 20;

/**
 * Reads a file once, and hashes what it reads.
 *
 * @param bytes from the beginning; @default all
 * @param copy gets the same bytes; it must not be there, and is for its owner alone
 * @throws LifeboatError `archive-damaged` where it cannot be read; `no-space`, … where the copy cannot be written
 */
export async function poured(
  file: string,
  bytes: number | undefined,
  copy: string | undefined,
  signal: AbortSignal,
): Promise<Content> {
  await using from = await open(file).catch((cause: unknown) => {
    throw new LifeboatError('archive-damaged', `${file} cannot be read: ${asLifeboatError(cause).message}`, { cause });
  });
  await using to = copy === undefined ? undefined : await open(copy, 'wx', 0o600);
  const digest = createHash('sha256');
  let size = 0;
  const readInto = async (buffer: Buffer, at: number): Promise<Buffer> => {
    const wanted = Math.min(chunkBytes, (bytes ?? Infinity) - at);
    return wanted === 0 ? buffer.subarray(0, 0) : buffer.subarray(0, (await from.read(buffer, 0, wanted)).bytesRead);
  };
  // While one piece is hashed, it is written, and the next one is read.
  let [now, other] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
  let reading = readInto(now, 0);
  for (;;) {
    const chunk = await reading;
    throwIfAborted(signal);
    if (chunk.length === 0) return { bytes: size, sha256: digest.digest('hex') };
    size += chunk.length;
    reading = readInto(other, size);
    const written = to?.writeFile(chunk);
    digest.update(chunk);
    await Promise.all([reading, written]);
    [now, other] = [other, now];
  }
}
