/** Asking a host without ever failing: a tool that is missing, fails, hangs or prints garbage becomes a named gap. */
import { commandText } from './child.ts';
import type { Argv, Host, RunResult } from './host.ts';
import { defaults } from './host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes } from '../kernel/text.ts';
import { formatDuration } from '../kernel/units.ts';
import { limited, raceAbort, throwIfAborted } from '../kernel/wait.ts';
import type { Gap } from './gap.ts';

export const probeTimeoutMs = 15_000;

export interface Question<T> {
  readonly argv: Argv;
  /** Pure; throws for output that it does not understand. */
  readonly parse: (stdout: string, stderr: string) => T;
  /** What the gap is named after. @default the program */
  readonly subject?: string;
  readonly okCodes?: readonly number[];
  /** What a tool takes from nowhere else. */
  readonly env?: Readonly<Record<string, string>>;
  /** @default 15_000 */
  readonly timeoutMs?: number;
  /** If it does not answer it is asked in another way: then that is no gap. See {@link Asker.didNotAnswer}. */
  readonly again?: boolean;
  /** It reads other devices than those it names, too: that it does not answer says nothing of these. */
  readonly wide?: boolean;
  /** It keeps away from what does not answer, so it is asked though a question to the same program still waits. */
  readonly around?: boolean;
}

type Asked = Omit<Question<unknown>, 'parse'>;

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
  /** Whether this command was waited for in vain, now or in an earlier capture. */
  didNotAnswer(argv: Argv): boolean;
  /** Paths of devices that did not answer. */
  readonly dead: ReadonlySet<string>;
  /** Of a device that is known not to answer nothing is asked any more. Its gap is the caller's. */
  giveUp(device: string): void;
  /** Until all that is being asked now has been answered, or has not. */
  settled(): Promise<void>;
}

/**
 * A device that once did not answer is not asked again: it is waited for once, however many questions there are about it.
 *
 * @param waiting command lines that need not be asked, as an earlier capture's still wait; see `waiting.ts`
 * @throws (from its verbs) only what aborted `signal`
 */
export function asker(host: Host, signal: AbortSignal, waiting: ReadonlySet<string> = new Set()): Asker {
  const gaps: Gap[] = [];
  const silent = new Set(waiting);
  const dead = new Set<string>();
  const running = new Set<Promise<unknown>>();
  const keep = ({ argv, wide = false }: Asked): void => {
    silent.add(argv.join(' '));
    const [device, ...others] = devicesIn(argv);
    if (device !== undefined && others.length === 0 && !wide) dead.add(device);
  };
  const whyNot = (question: Asked): string | undefined => {
    const { argv, wide = false, around = false } = question;
    // Of one that is ending the kernel has only the name left: what reads all devices would come upon the same one.
    const alike = waiting.has(`[${argv[0]}]`) && !around && (wide || devicesIn(argv).length === 0);
    if (alike || waiting.has(argv.join(' '))) {
      keep(question);
      return `${commandText(argv)} did not end in an earlier capture, and still waits`;
    }
    const device = devicesIn(argv).find((path) => dead.has(path));
    return device === undefined ? undefined : `${device} did not answer before`;
  };
  const gap = (item: Gap): void => {
    gaps.push(item);
  };
  async function attempt<T>(subject: string, timeoutMs: number, work: (signal: AbortSignal) => Promise<T>) {
    throwIfAborted(signal);
    // The host bounds every call; this bounds a host that does not keep its word.
    using clock = limited(signal, timeoutMs + 3 * defaults.killGraceMs, () => timedOut(subject, timeoutMs));
    return await raceAbort(work(clock.signal), clock.signal);
  }
  async function answer<T>(question: Asked, read: (subject: string, result: RunResult) => T): Promise<T | undefined> {
    const { argv, subject = argv[0], okCodes = [0], env = {}, timeoutMs = probeTimeoutMs, again = false } = question;
    const why = whyNot(question);
    if (why !== undefined) {
      if (!again) gap({ subject, problem: `not asked: ${why}`, hint: deadHint });
      return undefined;
    }
    try {
      const options = { timeoutMs, okCodes, env };
      return read(subject, await attempt(subject, timeoutMs, (inner) => host.run(argv, options, inner)));
    } catch (error) {
      throwIfAborted(signal);
      const late = asLifeboatError(error).code === 'command-timeout';
      if (late) keep(question);
      const hint = late && devicesIn(argv).length > 0 ? { hint: deadHint } : {};
      if (!late || !again) gap({ ...gapOf(subject, error), ...hint });
      return undefined;
    }
  }
  async function run<T>(question: Asked, read: (subject: string, result: RunResult) => T): Promise<T | undefined> {
    const asked = answer(question, read);
    running.add(asked);
    return await asked.finally(() => running.delete(asked));
  }
  return {
    gaps,
    gap,
    dead,
    giveUp: (device) => void dead.add(device),
    settled: async () => void (await Promise.allSettled(running)),
    didNotAnswer: (argv) => silent.has(argv.join(' ')),
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

const deadHint = 'see dmesg: the device, or the way to it, may be dead; what only it could tell is not captured';

function devicesIn(argv: Argv): string[] {
  return argv.flatMap((argument) => /^(?:if=)?(\/dev\/.+)$/.exec(argument)?.[1] ?? []);
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
