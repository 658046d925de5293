/** The tar that a checkpoint is kept in, by GNU tar. It holds memory, so only its owner may read it. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';

const workMs = 600_000;
/** Some hundred thousand members: CRIU writes a dozen images for each process. */
const maxListing = 32 << 20;

export async function pack(host: Host, tree: string, archive: string, signal: AbortSignal): Promise<void> {
  const argv = [
    'tar',
    '--create',
    '--format=gnu',
    '--numeric-owner',
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

/** By a program of the system: what is in memory goes by in gigabytes. @throws LifeboatError `archive-damaged` where it cannot be read */
export async function contentOf(host: Host, file: string, signal: AbortSignal): Promise<Content> {
  const bytes = Number((await host.run(['stat', '-L', '-c', '%s', '--', file], {}, signal)).stdout);
  return { bytes, sha256: await hashOf(host, file, undefined, signal) };
}

const hashing = 'if test "$2" = all; then exec sha256sum <"$1"; else head -c "$2" <"$1" | sha256sum; fi';

/** SHA-256 in hex. @param bytes from the beginning; @default all */
export async function hashOf(
  host: Host,
  file: string,
  bytes: number | undefined,
  signal: AbortSignal,
): Promise<string> {
  const argv = ['sh', '-c', hashing, 'sh', file, bytes === undefined ? 'all' : String(bytes)] as const;
  const { code, stdout } = await host.run(argv, { okCodes: [0, 1, 2], timeoutMs: workMs }, signal);
  const sha256 = /^([0-9a-f]{64}) /.exec(stdout.toString())?.[1];
  if (code === 0 && sha256 !== undefined) return sha256;
  throw new LifeboatError('archive-damaged', `${file} cannot be read`);
}
