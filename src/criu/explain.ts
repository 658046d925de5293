/** A failure of CRIU in words: what the table of failures knows of its errors, or else the first of them. */
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { failures, type Failure } from './failures.ts';
import { errorsIn, parseLog, type LogLine } from './log.ts';
import type { RequestType } from './messages.ts';
import type { Response } from './response.ts';

export interface Explained {
  readonly failure: Failure;
  /** In words, with what the line of the log names. */
  readonly cause: string;
  /** The line of the log. */
  readonly line: string;
}

/** What is known of the errors in this part of a log; the first line that the table knows decides. */
export function explained(log: string): Explained | undefined {
  const errors = realErrors(log);
  // A warning may say what an error meant, which alone names a place.
  const warnings = parseLog(log).filter(({ level }) => level === 'warning');
  const others = parseLog(log).filter(({ level }) => level === 'other');
  const mentioned = failures.filter(({ isMentioned }) => isMentioned);
  return first([...errors, ...warnings], failures) ?? first(others, mentioned);
}

function first(lines: readonly LogLine[], known: readonly Failure[]): Explained | undefined {
  for (const { text: line } of lines.filter(({ text }) => !isHarmless(text))) {
    for (const failure of known) {
      const match = failure.pattern.exec(line);
      if (match !== null) return { failure, cause: filled(failure.cause, match), line };
    }
  }
  return undefined;
}

/**
 * @param log its last part, with what was written besides
 * @param path where all of it is
 */
export function explain(type: RequestType, response: Response, log: string, path: string | undefined): LifeboatError {
  const place = path === undefined ? '' : ` All of its log: ${path}`;
  // CRIU's own message is the first error, which may have left the end of a long log.
  const all = `${response.message ?? ''}\n${log}`;
  const known = explained(all);
  if (known !== undefined) {
    return new LifeboatError('criu-failed', `${type}: ${known.cause}`, {
      hint: `${known.failure.next}${place}`,
      cause: new Error(`CRIU says: ${printable(known.line)}`),
    });
  }
  const [said] = realErrors(all);
  const words = said === undefined ? 'CRIU failed and does not say why' : `CRIU says: ${printable(said.text)}`;
  const errno = response.errno === undefined || response.errno === 0 ? '' : ` (errno ${response.errno})`;
  return new LifeboatError('criu-failed', `${type}: ${words}${errno}`, {
    hint: `lifeboat knows no more of this failure.${place}`,
  });
}

/** CRIU calls errors what it then does without, and what follows from an error. */
const harmless = [
  /^Unable to detach from \d+: No such process/,
  /^rlimit: Can't setup RLIMIT_NOFILE/,
  /^execvp\("ip6?tables-save", \.\.\.\) failed/,
  /^ip6?tables-save -V failed/,
];

function isHarmless(line: string): boolean {
  return harmless.some((pattern) => pattern.test(line));
}

function realErrors(log: string): readonly LogLine[] {
  return errorsIn(log).filter(({ text }) => !isHarmless(text));
}

/** `$1` in words is what was captured; nothing where it was not. */
function filled(words: string, match: RegExpExecArray): string {
  return printable(words.replace(/\$(\d)/g, (_, index: string) => match[Number(index)] ?? ''));
}
