/** Reading many small files of a host by one command instead of hundreds, and saying which could not be read. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { missingToolHint } from '../host/packages.ts';

/** Path → content, without the line feed at its end. An empty file is not in it. */
export type Contents = ReadonlyMap<string, string>;

/** The next step for whoever captures without being root. */
export const asRoot = 'Run lifeboat as root.';

/**
 * What `grep -H` printed, put together again by file.
 *
 * @param end what the paths end with, where a path may hold a colon. @default the first colon
 */
export function parseContents(stdout: string, end?: RegExp): Map<string, string> {
  const lines = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    const at = end === undefined ? line.indexOf(':') : endOf(line, end);
    if (at <= 0 || !line.startsWith('/')) continue;
    const path = line.slice(0, at);
    const known = lines.get(path);
    if (known === undefined) lines.set(path, [line.slice(at + 1)]);
    else known.push(line.slice(at + 1));
  }
  return new Map([...lines].map(([path, content]) => [path, content.join('\n')]));
}

/** Where the colon stands that follows the first match of `end`. */
function endOf(line: string, end: RegExp): number {
  const match = end.exec(line);
  return match === null ? -1 : match.index + match[0].length - 1;
}

/** The paths of which a tool said that it was not allowed to look at them. */
export function deniedPaths(stderr: string): string[] {
  const paths = new Set<string>();
  for (const line of stderr.split('\n')) {
    // GNU tools quote the name in some messages, busybox never does.
    const path = /[\s'‘"](\/[^:]*?)['’"]?: (?:Permission denied|Operation not permitted)$/.exec(line.trimEnd())?.[1];
    if (path !== undefined) paths.add(path);
  }
  return [...paths];
}

/** Names, once and together, what was not allowed to be seen. */
export function reportDenied(asker: Asker, subject: string, paths: readonly string[]): void {
  const [first] = paths;
  if (first === undefined) return;
  const more = paths.length === 1 ? '' : ` and ${paths.length - 1} more`;
  asker.gap({ subject, problem: `not allowed to read ${first}${more}`, hint: asRoot });
}

/** Whether `find` did not know what it was asked. This is said as a gap: that of busybox knows less than GNU's. */
export function reportRefused(asker: Asker, subject: string, stderr: string): boolean {
  const refusal = /^find: (?:unrecognized|unknown predicate|unknown option|bad arg).*$/m.exec(stderr)?.[0];
  if (refusal !== undefined) asker.gap({ subject, problem: refusal, hint: missingToolHint('find') });
  return refusal !== undefined;
}

/** What is said of a path that is not there, of one that is forbidden, and of a process that has ended: no failure. */
const expectable = /: (?:No such file or directory|Permission denied|Operation not permitted|No such process)$/;
const broken =
  /: (?:Input\/output error|Stale file handle|Structure needs cleaning|Transport endpoint is not connected)$/;

/**
 * Says as a gap that an answer is none: a tool that complains and prints nothing, or says nothing at all although there must
 * be something. What is left unread because a disk is broken is one too.
 *
 * @param never whether a host that is well never gives an empty answer without saying why
 */
export function reportFailed(
  asker: Asker,
  subject: string,
  { stdout, stderr, never }: { readonly stdout: string; readonly stderr: string; readonly never: boolean },
): boolean {
  const said = stderr.split('\n').filter((line) => line.trim() !== '');
  const empty = stdout.trim() === '';
  const complaint = said.find((line) => (empty ? !expectable.test(line) : broken.test(line)));
  if (complaint !== undefined) asker.gap({ subject, problem: complaint.slice(0, 200) });
  else if (never && empty && said.length === 0) asker.gap({ subject, problem: 'the answer was empty' });
  else return false;
  return true;
}

/** Whether what found nothing and complained of nothing has failed, which it says by its exit status alone, as a gap. */
async function failsSilently(
  asker: Asker,
  subject: string,
  { argv, stdout, stderr }: { readonly argv: Argv; readonly stdout: string; readonly stderr: string },
): Promise<boolean> {
  if (`${stdout}${stderr}`.trim() !== '') return false;
  return (await asker.ask({ argv, subject, parse: () => true })) === undefined;
}

interface Below {
  readonly subject: string;
  /** What `find` is asked, from the directories to the tests: constants and names that the host itself gave. */
  readonly find: readonly string[];
  /** Only lines that match are read. @default all */
  readonly pattern?: string;
  /** Of each line only what matches this, one match a line: for files that also hold what is to stay where it is. */
  readonly only?: string;
  readonly end?: RegExp;
  /** A host that is well has some: nothing at all is a gap. @default false */
  readonly never?: 'empty';
}

/** Contents of all files that `find` finds, by two processes. What is not there is no gap; what is forbidden is one. */
export async function contentsBelow(
  asker: Asker,
  { subject, find, pattern = '', only, end, never }: Below,
): Promise<Contents> {
  const argv: Argv = [
    'find',
    ...find,
    '-exec',
    'grep',
    only === undefined ? '-aHE' : '-aHoE',
    only ?? pattern,
    '{}',
    '+',
  ];
  const found = await asker.ask({
    argv,
    subject,
    // 1 when anything was not there or not allowed, and when a file has no line that matches.
    okCodes: [0, 1],
    parse: (stdout, stderr) => ({ contents: parseContents(stdout, end), denied: deniedPaths(stderr), stdout, stderr }),
  });
  if (found === undefined) return new Map();
  const { stdout, stderr } = found;
  if (!reportRefused(asker, subject, stderr) && !(await failsSilently(asker, subject, { argv, stdout, stderr }))) {
    reportFailed(asker, subject, { stdout, stderr, never: never === 'empty' });
  }
  reportDenied(asker, subject, found.denied);
  return found.contents;
}

/** Contents of some small files of fixed names, and which of them were forbidden; `undefined` and a gap without `grep`. */
export async function contentsOf(
  asker: Asker,
  subject: string,
  paths: readonly string[],
): Promise<{ contents: Contents; denied: readonly string[] } | undefined> {
  const read = await asker.ask({
    argv: ['grep', '-aH', '', ...paths],
    subject,
    // 1 when nothing was found, 2 when a file was not there.
    okCodes: [0, 1, 2],
    parse: (stdout, stderr) => ({ contents: parseContents(stdout), denied: deniedPaths(stderr), stdout, stderr }),
  });
  // They are not all empty.
  return read !== undefined && reportFailed(asker, subject, { ...read, never: true }) && read.contents.size === 0
    ? undefined
    : read;
}

/** What `find` prints with `format`, whose records end with NUL and whose fields are divided by it. */
export async function found(
  asker: Asker,
  subject: string,
  find: readonly string[],
  never?: 'empty',
): Promise<{ records: string[]; denied: string[] } | undefined> {
  const argv: Argv = ['find', ...find];
  const answer = await asker.ask({
    argv,
    subject,
    okCodes: [0, 1],
    parse: (stdout, stderr) => ({
      records: stdout.split('\0').filter((record) => record !== ''),
      denied: deniedPaths(stderr),
      stdout,
      stderr,
    }),
  });
  if (answer === undefined || reportRefused(asker, subject, answer.stderr)) return answer;
  if (await failsSilently(asker, subject, { argv, ...answer })) return undefined;
  const failed = reportFailed(asker, subject, { ...answer, never: never === 'empty' });
  return failed && answer.records.length === 0 ? undefined : answer;
}

/**
 * What each of several files holds, one by one: a file that cannot be understood is a gap, and the others still count.
 *
 * @param parse throws for what it does not understand
 */
export function eachUnderstood<T>(
  asker: Asker,
  subject: string,
  contents: Contents,
  parse: (content: Contents, path: string) => readonly T[],
): T[] {
  return [...contents].flatMap(([path, content]) => {
    try {
      return parse(new Map([[path, content]]), path);
    } catch (error) {
      const why = error instanceof z.ZodError || error instanceof SyntaxError ? 'not what was expected' : String(error);
      asker.gap({
        subject,
        problem: `${path}: ${why.slice(0, 200)}`,
        hint: 'Please report the version of what wrote it, and the file.',
      });
      return [];
    }
  });
}
