/**
 * What GNU tar says on stderr, under `LC_ALL=C` and `--quoting-style=c`: there a name stands in double quotes with C's
 * escapes, so that it can be turned back exactly. Lines that are not known are not interpreted.
 */
import { nameFromBytes } from '../../kernel/text.ts';
import type { Finding } from '../engine.ts';
import { entryPath } from './member.ts';

export interface TarMessage {
  readonly finding: Finding;
  /** It speaks of one file, and the rest of the archive is sound. */
  readonly known: boolean;
}

/** Messages about a single file after which tar goes on with the next. */
const perFile: readonly RegExp[] = [
  /^file changed as we read it$/,
  /^File shrank by \d+ bytes?; padding with zeros$/,
  /^File removed before we read it$/,
  /^door ignored$/,
  /^unknown file type; file ignored$/,
  /^file is the archive; not dumped$/,
  /^contains a cache directory tag/,
  /^Cannot (open|stat|read|readlink|readdir|opendir|savedir|close|seek|change mode|change ownership|utime|mknod|mkfifo|hard link to .*|create symlink to .*): /,
  /^Read error at byte \d+, while reading \d+ bytes?: /,
  /^Cannot (l|f)?(list|get|set)(xattr|filecon)(at)?: /,
  /^value .* out of .* range/,
];

/** Known messages that name no file in a form that could be turned back. */
const withoutName: readonly RegExp[] = [/^[lf]?setxattr(at)?: Cannot set '.*' extended attribute for file '.*': /];

/** `undefined` for a line that says nothing of its own. */
export function parseTarLine(line: string): TarMessage | undefined {
  if (line === '' || /^tar: (Exiting with failure status|Error is not recoverable: exiting)/.test(line))
    return undefined;
  const match = /^tar: "((?:[^"\\]|\\.)*)": (?:Warning: )?(.*)$/.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) {
    const said = line.replace(/^tar: /, '');
    return { finding: { subject: 'tar', problem: said }, known: withoutName.some((known) => known.test(said)) };
  }
  const path = entryPath(unquote(match[1]));
  const problem = match[2];
  // No archive can hold a socket, and the program that listens on one makes it anew: nothing is lost.
  if (problem === 'socket ignored') return undefined;
  return { finding: { subject: `/${path}`, problem }, known: perFile.some((known) => known.test(problem)) };
}

const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** The name inside the quotes of C. */
export function unquote(quoted: string): string {
  const bytes: number[] = [];
  for (const match of quoted.matchAll(/\\([0-7]{3}|.)|([^\\]+)/gu)) {
    const [, escape, plain] = match;
    if (plain !== undefined) bytes.push(...Buffer.from(plain, 'utf8'));
    else if (escape?.length === 3) bytes.push(Number.parseInt(escape, 8));
    else if (escape !== undefined) bytes.push(escapes[escape] ?? escape.charCodeAt(0));
  }
  return nameFromBytes(Buffer.from(bytes));
}

/** A thousand files that cannot be read are one problem: the first ones by name, the rest as a number. */
export class Findings {
  readonly #limit: number;
  readonly #list: Finding[] = [];
  #more = 0;

  constructor(limit = 1000) {
    this.#limit = limit;
  }

  add(subject: string, problem: string): void {
    if (this.#list.length < this.#limit) this.#list.push({ subject, problem });
    else this.#more++;
  }

  get count(): number {
    return this.#list.length + this.#more;
  }

  list(): Finding[] {
    return this.#more === 0
      ? [...this.#list]
      : [...this.#list, { subject: 'more', problem: `${this.#more} further findings are not listed` }];
  }
}
