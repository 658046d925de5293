/** The walk of a host's files: GNU find there, its records here. */
import { type Argv, type Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { findLiteral, findPattern } from '../patterns.ts';
import { namesOnStdin } from './commands.ts';
import { unquote } from './stderr.ts';

/** One name that find saw. */
export interface Seen {
  /** Absolute. */
  readonly path: string;
  /** What `stat` says, in one line, since there may be millions of them; see {@link statOf}. */
  readonly stat: string;
}

export interface Stat {
  /** As find's `%y`: `f`, `d`, `l`, `p`, `c`, `b`, `s`. */
  readonly type: string;
  readonly mode: number;
  readonly owner: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  /** `device:inode` */
  readonly inode: string;
  /** Number of names. */
  readonly links: number;
}

/** Before the line of what find did not go into. */
export const PRUNED = '-';

const format = '%y %m %U:%G %s %T@ %C@ %D:%i %n\\0%p\\0';

/**
 * One find for each path on stdin: those may be no UTF-8, so they cannot be arguments of ours. A directory comes before
 * what is in it. What find can be trusted to tell as we do is printed, and not gone into.
 */
export function findArgv(exclude: readonly string[], leaveOut: readonly string[]): Argv {
  const patterns = [...leaveOut.map(findLiteral), ...exclude.map(findPattern)].filter((one) => one !== undefined);
  const tests = patterns.flatMap((pattern, index) => [...(index === 0 ? [] : ['-o']), '-path', pattern]);
  const pruning = tests.length === 0 ? [] : ['(', ...tests, ')', '-printf', `${PRUNED}${format}`, '-prune', '-o'];
  let root = '{root}';
  while (patterns.some((pattern) => pattern.includes(root))) root = `{${root}}`;
  return ['xargs', '--null', `--replace=${root}`, 'find', root, '-xdev', ...pruning, '-printf', format];
}

export interface WalkProblem {
  readonly path: string;
  readonly problem: string;
}

/**
 * What is below the paths, in pieces, each within its filesystem; a path below two of them comes twice.
 *
 * @param roots absolute; those that are not there are told to `onProblem` as well
 * @throws LifeboatError (while iterating) `command-failed` when find ends in a way that is not about a single file
 */
export async function* findFiles(
  host: Host,
  argv: Argv,
  roots: readonly string[],
  onProblem: (problem: WalkProblem) => void,
  signal: AbortSignal,
): AsyncIterable<Seen[]> {
  let unknown: string | undefined;
  const onStderrLine = (line: string): void => {
    const problem = parseFindLine(line);
    if (problem === undefined) unknown ??= line;
    else onProblem(problem);
  };
  const running = host.stream(argv, { stdin: namesOnStdin(roots), onStderrLine }, signal);
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of running.stdout) {
    const bytes =
      rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
    const end = endOfRecords(bytes);
    rest = bytes.subarray(end);
    if (end === 0) continue;
    const fields = nameFromBytes(bytes.subarray(0, end)).split('\0');
    const seen: Seen[] = [];
    for (let at = 0; at + 1 < fields.length; at += 2) seen.push({ stat: fields[at] ?? '', path: fields[at + 1] ?? '' });
    yield seen;
  }
  const { code, stderr } = await running.finished;
  // 123: find said something about a file, which was heard.
  if ((code === 0 || code === 123) && unknown === undefined && rest.length === 0) return;
  const said = unknown ?? stderr.trim().split('\n').slice(-3).join('\n  ');
  throw new LifeboatError('command-failed', `find on ${host.name} failed with exit code ${code}:\n  ${said}`, {
    hint: 'Backups need find and xargs of GNU findutils on the host.',
  });
}

/** Whole records only: each is closed by its second NUL. */
function endOfRecords(bytes: Buffer): number {
  let nuls = 0;
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) nuls++;
  const last = bytes.lastIndexOf(0);
  if (nuls % 2 === 0) return last + 1;
  return last <= 0 ? 0 : bytes.lastIndexOf(0, last - 1) + 1;
}

/** Of a line of stderr that is about one path. */
export function parseFindLine(line: string): WalkProblem | undefined {
  const loop = /^find: File system loop detected; '((?:[^'\\]|\\.)*)' is part of the same file system loop as /.exec(
    line,
  );
  if (loop?.[1] !== undefined)
    return { path: unquote(loop[1]), problem: 'is a directory that it lies in, mounted again' };
  const links = /^find: WARNING: Hard link count is wrong for [`'"]((?:[^'\\]|\\.)*)'/.exec(line);
  if (links?.[1] !== undefined)
    return {
      path: unquote(links[1]),
      problem: 'its filesystem counts its links wrong: some directories may have been missed',
    };
  const match = /^find: '((?:[^'\\]|\\.)*)': (.+)$/.exec(line);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { path: unquote(match[1]), problem: match[2] };
}

export function statOf(line: string): Stat {
  const [type = '', mode = '', owner = '', size = '', mtime = '', ctime = '', inode = '', links = ''] = line.split(' ');
  return {
    type,
    mode: Number.parseInt(mode, 8),
    owner,
    size: Number(size),
    mtimeNs: nanoseconds(mtime),
    ctimeNs: nanoseconds(ctime),
    inode,
    links: Number(links),
  };
}

/** Of the same line, what tells whether an inode is the same and was changed. */
export function inodeOf(line: string): Pick<Stat, 'ctimeNs' | 'inode'> {
  const words = line.split(' ', 7);
  return { ctimeNs: nanoseconds(words[5] ?? ''), inode: words[6] ?? '' };
}

/** find's seconds; before 1970 the fraction still counts upwards. */
export function nanoseconds(time: string): string {
  const dot = time.indexOf('.');
  const seconds = dot < 0 ? time : time.slice(0, dot);
  const fraction = dot < 0 ? '000000000' : time.slice(dot + 1, dot + 10).padEnd(9, '0');
  if (!time.startsWith('-')) return seconds === '0' ? String(Number(fraction)) : seconds + fraction;
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(fraction));
}
