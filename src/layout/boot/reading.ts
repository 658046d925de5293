/** Questions about many files at once: one process each, however many files there are. */
import type { Asker } from '../../host/asker.ts';
import type { Argv } from '../../host/host.ts';

/** A file or symlink as find(1) lists it. */
export interface FoundFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly isLink: boolean;
}

/**
 * Files and symlinks below the roots, each root on its own filesystem only: no automount is set off. Roots that are not
 * there are passed over.
 */
export function findArgv(roots: readonly [string, ...string[]], depth: number): Argv {
  const [first, ...rest] = roots;
  const types = ['(', '-type', 'f', '-o', '-type', 'l', ')'];
  // The modules of GRUB are several hundred.
  const wanted = [...types, '!', '-name', '*.mod', '-printf', '%y %s %p\\0'];
  return ['find', first, ...rest, '-maxdepth', String(depth), '-xdev', ...wanted];
}

export function parseFind(stdout: string): FoundFile[] {
  return records(stdout).map((record) => {
    const [, type, size, path] = /^([fl]) (\d+) (\/.*)$/s.exec(record) ?? [];
    if (path === undefined) throw new Error(`not a file: ${JSON.stringify(record)}`);
    return { path, sizeBytes: Number(size), isLink: type === 'l' };
  });
}

/** `undefined` where nobody could look; what could not be read becomes a gap for each place. */
export async function findFiles(
  asker: Asker,
  roots: readonly string[],
  depth: number,
  subject: string,
): Promise<FoundFile[] | undefined> {
  const [first, ...rest] = roots.filter((root) => root.isWellFormed());
  if (first === undefined) return [];
  return await asker.ask({
    argv: findArgv([first, ...rest], depth),
    okCodes: [0, 1],
    subject,
    parse: (stdout, stderr) => {
      const files = parseFind(stdout);
      gapsOf(asker, stderr);
      return files;
    },
  });
}

/** Lines of all files, by path; an empty file has none. Names that cannot be told apart in the answer are not asked. */
export async function readFiles(
  asker: Asker,
  paths: readonly string[],
  subject: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  return await grep(asker, ['-aHZ', ''], paths, subject);
}

/** What an extended regular expression finds in each of the files, which may be binary. */
export async function grepFiles(
  asker: Asker,
  pattern: string,
  paths: readonly string[],
  subject: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  return await grep(asker, ['-aoHZE', pattern], paths, subject);
}

async function grep(asker: Asker, options: readonly string[], paths: readonly string[], subject: string) {
  const asked = paths.filter(isAskable);
  if (asked.length === 0) return new Map<string, readonly string[]>();
  const found = await asker.ask({
    argv: ['grep', ...options, '--', ...asked],
    // 1: nothing found; 2: some file could not be read, the others were.
    okCodes: [0, 1, 2],
    subject,
    parse: (stdout, stderr) => {
      const lines = parseGrep(stdout);
      gapsOf(asker, stderr);
      return lines;
    },
  });
  return found ?? new Map<string, readonly string[]>();
}

/** `grep -HZ`: path, NUL, line. */
export function parseGrep(stdout: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const end = line.indexOf('\0');
    if (end === -1 || !line.startsWith('/')) throw new Error(`no name of a file: ${JSON.stringify(line)}`);
    const path = line.slice(0, end);
    const known = found.get(path);
    if (known === undefined) found.set(path, [line.slice(end + 1)]);
    else known.push(line.slice(end + 1));
  }
  return found;
}

/** SHA-256 of each file, in hexadecimal, by path. */
export async function digests(
  asker: Asker,
  paths: readonly string[],
  subject: string,
): Promise<ReadonlyMap<string, string>> {
  const asked = paths.filter(isAskable);
  if (asked.length === 0) return new Map();
  const found = await asker.ask({
    argv: ['sha256sum', '-z', '--', ...asked],
    okCodes: [0, 1],
    subject,
    parse: (stdout, stderr) => {
      const sums = parseDigests(stdout);
      gapsOf(asker, stderr);
      return sums;
    },
  });
  return found ?? new Map();
}

export function parseDigests(stdout: string): Map<string, string> {
  return new Map(
    records(stdout).map((record): [string, string] => {
      const [, sum, path] = /^([0-9a-f]{64}) [ *](.*)$/s.exec(record) ?? [];
      if (sum === undefined || path === undefined) throw new Error(`not a digest: ${JSON.stringify(record)}`);
      return [path, sum];
    }),
  );
}

/** An argument must be UTF-8, and one answer is one line. */
const isAskable = (path: string): boolean => path.isWellFormed() && !path.includes('\n');

export function records(stdout: string): string[] {
  const all = stdout.split('\0');
  if (all.pop() !== '') throw new Error('the end is missing');
  return all;
}

/** `find: '/boot/efi': Permission denied`; what is not there is no gap, and nobody misses a directory of fsck. */
function gapsOf(asker: Asker, stderr: string): void {
  for (const [, quoted = '', problem = ''] of stderr.matchAll(
    /^(?:\S*\/)?(?:find|grep|sha256sum): (.+): ([^:\n]+)$/gm,
  )) {
    const path = quoted.replace(/^'(.*)'$/s, '$1');
    if (problem === 'No such file or directory' || path.endsWith('/lost+found')) continue;
    asker.gap({
      subject: path,
      problem: `cannot be read: ${problem}`,
      ...(problem === 'Permission denied' ? { hint: 'Only root can read it.' } : {}),
    });
  }
}
