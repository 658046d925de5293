/** Runs a started process to its end under the rules of the `Host` contract; the same for every kind of machine. */
import { setTimeout as delay } from 'node:timers/promises';
import { LifeboatError } from '../kernel/errors.ts';
import { redactText } from '../kernel/secret.ts';
import { printable } from '../kernel/text.ts';
import { formatBytes, formatDuration } from '../kernel/units.ts';
import { abortError, throwIfAborted } from '../kernel/wait.ts';
import { type Child, checkArguments, commandText, type Start } from './child.ts';
import { type Argv, defaults, type Running, type RunOptions, type RunResult, type StreamOptions } from './host.ts';
import { feed, Lines, over, Tail } from './streams.ts';

/** How long a pipe may be silent after the process exited before whoever still holds it open is left alone. */
const silenceMs = 500;
/** How long ending a command may take, besides its grace, before it is given up. */
const giveUpMs = defaults.killGraceMs + 1_000;

/** {@link RunOptions} over a way to start processes. */
export async function runCommand(
  start: Start,
  argv: Argv,
  options: RunOptions,
  signal: AbortSignal,
): Promise<RunResult> {
  const limit = options.maxOutput ?? defaults.maxOutput;
  const running = streamCommand(start, argv, { timeoutMs: defaults.timeoutMs, ...options }, signal);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of running.stdout) {
    size += chunk.length;
    if (size > limit) {
      throw new LifeboatError('output-too-large', `${commandText(argv)} printed more than ${formatBytes(limit)}`);
    }
    chunks.push(chunk);
  }
  const { code, stderr } = await running.finished;
  const result = { code, stdout: Buffer.concat(chunks), stderr };
  checkCode(argv, result, options.okCodes ?? [0]);
  return result;
}

/** @throws LifeboatError `command-failed` with the end of stderr unless the exit code is one of `okCodes` */
export function checkCode(argv: Argv, result: RunResult, okCodes: readonly number[]): void {
  if (okCodes.includes(result.code)) return;
  const lines = result.stderr.trim().split('\n').slice(-5);
  const end = lines.map((line) => printable(redactText(line))).join('\n  ');
  const said = end === '' ? '' : `:\n  ${end}`;
  throw new LifeboatError('command-failed', `${commandText(argv)} failed with exit code ${result.code}${said}`);
}

/** {@link StreamOptions} over a way to start processes. */
export function streamCommand(start: Start, argv: Argv, options: StreamOptions, signal: AbortSignal): Running {
  const halt = new AbortController();
  const onAbort = () => halt.abort(abortError(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const clock = startClock(argv, options.timeoutMs, halt);

  const env = options.env ?? {};
  const reader: Reader = { begun: false, done: Promise.withResolvers() };
  const begun = (async () => {
    checkArguments(argv, env);
    throwIfAborted(halt.signal);
    return await start(
      argv,
      { withStdin: options.stdin !== undefined, reuse: options.reuse === true, env },
      halt.signal,
    );
  })();
  const finished = (async () => {
    try {
      return await supervise(await begun, options, halt, reader);
    } finally {
      clearTimeout(clock);
      signal.removeEventListener('abort', onAbort);
    }
  })();
  // Whoever reads only `stdout` gets the same error there.
  finished.catch(() => undefined);
  return { stdout: readOutput(begun, finished, halt, reader), finished };
}

function startClock(argv: Argv, ms: number | undefined, halt: AbortController): NodeJS.Timeout | undefined {
  if (ms === undefined) return undefined;
  const message = `${commandText(argv)} did not end within ${formatDuration(ms)}`;
  return setTimeout(() => halt.abort(new LifeboatError('command-timeout', message, { retryable: true })), ms);
}

/** The reason for which a command is ended when the reader of its output has left: no error. */
const readerLeft = new LifeboatError('interrupted', 'nobody reads the output any more');
/** What ends the reading of a pipe that a process outside of the group holds open. */
const heldOpen = new Error('the pipe is held open by a process that was left behind');

type Finished = Awaited<Running['finished']>;

/** Whether somebody reads stdout, and when they have come to its end. */
interface Reader {
  begun: boolean;
  readonly done: PromiseWithResolvers<void>;
}

async function supervise(
  child: Child,
  options: StreamOptions,
  halt: AbortController,
  reader: Reader,
): Promise<Finished> {
  const tail = new Tail(defaults.stderrTail);
  const { onStderrLine } = options;
  const lines = onStderrLine === undefined ? undefined : new Lines(onStderrLine, defaults.stderrTail);
  const guarded = (work: () => void) => {
    try {
      work();
    } catch (error) {
      halt.abort(error);
    }
  };
  let heard = performance.now();
  child.stdout.on('error', heardElsewhere);
  child.stderr.on('error', heardElsewhere);
  child.stderr.on('data', (chunk: Uint8Array) => {
    heard = performance.now();
    tail.push(chunk);
    guarded(() => lines?.push(chunk));
  });
  if (child.stdin !== undefined && options.stdin !== undefined) {
    feed(child.stdin, options.stdin).catch((error: unknown) => halt.abort(error));
  }
  const stderrOver = over(child.stderr);
  const halted = new Promise<void>((resolve) => {
    halt.signal.addEventListener('abort', () => resolve(), { once: true });
    if (halt.signal.aborted) resolve();
  });
  const ended = (async () => {
    const code = await child.exited;
    await Promise.race([stderrOver, silent(child, () => heard, stderrOver), halted]);
    if (reader.begun) await Promise.race([reader.done.promise, halted]);
    return code;
  })();
  try {
    const code = await Promise.race([ended, halted]);
    if (code === undefined || halt.signal.aborted) {
      return await endEarly(child, ended, tail, halt, options.killGraceMs ?? defaults.killGraceMs);
    }
    lines?.end();
    return { code, stderr: tail.text() };
  } catch (error) {
    child.stdout.destroy(error instanceof Error ? error : new Error(String(error)));
    child.abandon();
    throw error;
  }
}

async function endEarly(
  child: Child,
  ended: Promise<number>,
  tail: Tail,
  halt: AbortController,
  graceMs: number,
): Promise<Finished> {
  // 137: whatever has not ended by itself or by SIGTERM has been sent SIGKILL, even if it has not taken note yet.
  let code = 137;
  const exited = ended.then((own) => {
    code = own;
  }, heardElsewhere);
  const givenUp = new AbortController();
  await Promise.race([
    Promise.all([child.end(graceMs), exited]),
    delay(graceMs + giveUpMs, undefined, { signal: givenUp.signal }).catch(() => undefined),
  ]);
  givenUp.abort();
  const reason: unknown = halt.signal.reason;
  if (reason !== readerLeft) throw reason;
  child.stdout.destroy();
  child.abandon();
  return { code, stderr: tail.text() };
}

/** Errors of a pipe reach the reader through its iterator, and those of the process through `finished`. */
function heardElsewhere(): void {
  return;
}

/** Settles when a pipe of an exited process has been silent for long although everything written has arrived. */
async function silent(child: Child, heard: () => number, over: Promise<void>): Promise<void> {
  const done = new AbortController();
  void over.then(() => done.abort());
  const exitedAt = performance.now();
  while (!done.signal.aborted) {
    const last = Math.max(heard(), exitedAt);
    const pause = last + silenceMs - performance.now();
    if (pause > 0) {
      await delay(Math.min(pause, silenceMs), undefined, { signal: done.signal }).catch(() => undefined);
      continue;
    }
    await child.arrived();
    if (Math.max(heard(), exitedAt) === last) return;
  }
}

async function* readOutput(
  begun: Promise<Child>,
  finished: Promise<Finished>,
  halt: AbortController,
  reader: Reader,
): AsyncGenerator<Uint8Array, void, undefined> {
  reader.begun = true;
  const child = await begun;
  // While the reader is busy elsewhere, silence means nothing.
  let waitingSince = Number.POSITIVE_INFINITY;
  const stdoutOver = over(child.stdout);
  const watch = async () => {
    await child.exited;
    await silent(child, () => waitingSince, stdoutOver);
    child.stdout.destroy(heldOpen);
  };
  watch().catch(() => undefined);
  let whole = false;
  try {
    const chunks: AsyncIterator<Uint8Array> = child.stdout[Symbol.asyncIterator]();
    for (;;) {
      waitingSince = performance.now();
      const next = await chunks.next();
      waitingSince = Number.POSITIVE_INFINITY;
      if (next.done === true) break;
      yield next.value;
    }
    whole = true;
  } catch (error) {
    if (error !== heldOpen && !halt.signal.aborted) throw error;
    whole = true;
  } finally {
    if (!whole) halt.abort(readerLeft);
    reader.done.resolve();
    try {
      // Also the way by which an abort, a time limit or a lost connection reaches a reader: an end is never a cut.
      await finished;
    } finally {
      child.abandon();
    }
  }
}
