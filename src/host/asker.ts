/** Asking a host without ever failing: a tool that is missing, fails, hangs or prints garbage becomes a named gap. */
import type { Argv, Host, RunResult } from './host.ts';
import { defaults } from './host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';
import { limited, raceAbort, throwIfAborted } from '../kernel/wait.ts';
import type { Gap } from './gap.ts';

const probeTimeoutMs = 15_000;

export interface Question<T> {
  readonly argv: Argv;
  /** Pure; throws for output that it does not understand. */
  readonly parse: (stdout: string, stderr: string) => T;
  /** What the gap is named after. @default the program */
  readonly subject?: string;
  readonly okCodes?: readonly number[];
  /** @default 15_000 */
  readonly timeoutMs?: number;
}

/** One host, one signal, and the gaps that its answers left. */
export interface Asker {
  readonly gaps: readonly Gap[];
  /** What a command says, or `undefined` and a gap. */
  ask<T>(question: Question<T>): Promise<T | undefined>;
  /** The same of what is no text: as it is, and never repeated in a gap. */
  bytes(question: Omit<Question<Buffer>, 'parse'>): Promise<Buffer | undefined>;
  /** What a file holds, or `undefined`; a gap unless it is only absent and `mayBeAbsent`. */
  file<T>(
    path: string,
    parse: (content: string) => T,
    options?: { readonly mayBeAbsent?: boolean },
  ): Promise<T | undefined>;
  gap(gap: Gap): void;
}

/** @throws (from its verbs) only what aborted `signal` */
export function asker(host: Host, signal: AbortSignal): Asker {
  const gaps: Gap[] = [];
  const gap = (item: Gap): void => {
    gaps.push(item);
  };
  async function attempt<T>(subject: string, timeoutMs: number, work: (signal: AbortSignal) => Promise<T>) {
    throwIfAborted(signal);
    // The host bounds every call; this bounds a host that does not keep its word.
    using clock = limited(signal, timeoutMs + 3 * defaults.killGraceMs, () => timedOut(subject, timeoutMs));
    return await raceAbort(work(clock.signal), clock.signal);
  }
  async function run<T>(
    { argv, subject = argv[0], okCodes = [0], timeoutMs = probeTimeoutMs }: Omit<Question<T>, 'parse'>,
    read: (subject: string, result: RunResult) => T,
  ): Promise<T | undefined> {
    try {
      const options = { timeoutMs, okCodes };
      return read(subject, await attempt(subject, timeoutMs, (inner) => host.run(argv, options, inner)));
    } catch (error) {
      throwIfAborted(signal);
      gap(gapOf(subject, error));
      return undefined;
    }
  }
  return {
    gaps,
    gap,
    async ask({ parse, ...question }) {
      return await run(question, (subject, { stdout, stderr }) =>
        understand(subject, nameFromBytes(stdout), (text) => parse(text, stderr)),
      );
    },
    bytes: (question) => run(question, (_subject, { stdout }) => stdout),
    async file(path, parse, { mayBeAbsent = false } = {}) {
      try {
        const content = await attempt(path, probeTimeoutMs, (inner) =>
          host.read(path, { timeoutMs: probeTimeoutMs }, inner),
        );
        return understand(path, nameFromBytes(content), parse);
      } catch (error) {
        throwIfAborted(signal);
        if (!(mayBeAbsent && asLifeboatError(error).code === 'not-found')) gap(gapOf(path, error));
        return undefined;
      }
    },
  };
}

function timedOut(subject: string, timeoutMs: number): LifeboatError {
  return new LifeboatError('command-timeout', `${subject} did not answer within ${formatDuration(timeoutMs)}`);
}

function understand<T>(subject: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    const why = text.trim() === '' ? 'printed nothing' : 'said something that lifeboat does not understand';
    const start = text.trim() === '' ? '' : `: ${JSON.stringify(text.slice(0, 60))}`;
    throw new LifeboatError('failed', `${subject} ${why}${start}`, {
      hint: 'Please report its version and its output.',
      cause: error,
    });
  }
}

function gapOf(subject: string, error: unknown): Gap {
  const { message, hint } = asLifeboatError(error);
  return { subject, problem: message, ...(hint === undefined ? {} : { hint }) };
}
