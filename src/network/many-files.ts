/** Many small files by one process: `grep` prints each line with the name of its file. */
import type { Argv } from '../host/host.ts';

/** One process for all of them; a directory stands for all files below it. Pipes and devices are left out. */
export function linesArgv(paths: readonly string[]): Argv {
  return ['grep', '-aHZR', '-D', 'skip', '', '--', ...paths];
}

/** grep's exit codes: found, nothing found, some of the files not there or not readable. */
export const linesCodes: readonly number[] = [0, 1, 2];

interface Lines {
  /** Content by path, each line ended by a newline. Empty files are not among them. */
  readonly files: ReadonlyMap<string, string>;
  /** Files that are there and that we may not read. */
  readonly denied: readonly string[];
}

const record = /([^\0]*)\0([^\n]*)\n/gy;
const denial = /^grep: (.*): (?:Permission denied|Operation not permitted)$/gm;

/** @throws Error for what is not the output of {@link linesArgv} */
export function parseLines(stdout: string, stderr: string): Lines {
  const parts = new Map<string, string[]>();
  let end = 0;
  for (const [all, path = '', line = ''] of stdout.matchAll(record)) {
    const lines = parts.get(path);
    if (lines === undefined) parts.set(path, [line]);
    else lines.push(line);
    end += all.length;
  }
  if (end !== stdout.length) throw new Error('not the output of grep -Z');
  return {
    files: new Map([...parts].map(([path, lines]) => [path, lines.map((line) => `${line}\n`).join('')])),
    denied: [...stderr.matchAll(denial)].flatMap(([, path]) => (path === undefined ? [] : [path])),
  };
}

/** As {@link parseLines}, for files of which some are always there. @throws Error for an answer without any */
export function parseSomeLines(stdout: string, stderr: string): Lines {
  const lines = parseLines(stdout, stderr);
  if (lines.files.size === 0 && lines.denied.length === 0) throw new Error('no line of any file');
  return lines;
}
