/** A command in a virtual machine, as a {@link Child}. */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { type Child, commandText, type StartOptions } from '../host/child.ts';
import type { Argv } from '../host/host.ts';
import { missingToolHint } from '../host/packages.ts';
import { fromSystemError, LifeboatError } from '../kernel/errors.ts';
import { raceAbort, throwIfAborted } from '../kernel/wait.ts';
import { type FromAgent, numberFrame, plainFrame, startFrame, windows } from './agent-frames.ts';
import type { AgentSession, Listener } from './agent-session.ts';
import { Input, Output } from './agent-streams.ts';

/**
 * @throws LifeboatError `tool-missing`, `unreachable`, `unsupported` for a command that is too long, or by the error of the guest's
 * system
 */
export async function startByAgent(
  session: AgentSession,
  argv: Argv,
  { withStdin, env }: StartOptions,
  signal: AbortSignal,
): Promise<Child> {
  throwIfAborted(signal);
  const child = new AgentChild(session, argv, withStdin);
  try {
    child.start(env);
    await raceAbort(child.started, signal);
    return child;
  } catch (error) {
    // It may begin all the same.
    void child.end(0);
    child.abandon();
    throw error;
  }
}

class AgentChild implements Child, Listener {
  readonly stdin: Input | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly #session: AgentSession;
  readonly #argv: Argv;
  readonly #id: number;
  readonly #started = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<number>();
  /** Who waits for an answer to their question, in the order of the questions. */
  readonly #pings: (() => void)[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(session: AgentSession, argv: Argv, withStdin: boolean) {
    this.#session = session;
    this.#argv = argv;
    this.#id = session.open(this);
    const id = this.#id;
    this.stdin = withStdin ? new Input(session, id) : undefined;
    this.stdout = new Output(windows.stdout, (bytes) => session.send(numberFrame('stdoutCredit', id, bytes)));
    this.stderr = new Output(windows.stderr, (bytes) => session.send(numberFrame('stderrCredit', id, bytes)));
    for (const promise of [this.started, this.exited]) promise.catch(() => undefined);
  }

  get started(): Promise<void> {
    return this.#started.promise;
  }

  get exited(): Promise<number> {
    return this.#exited.promise;
  }

  start(env: Readonly<Record<string, string>>): void {
    const frame = startFrame(this.#id, this.#argv, env, this.stdin !== undefined);
    if (frame === undefined) {
      throw new LifeboatError('unsupported', `the command is too long for the agent: ${commandText(this.#argv)}`);
    }
    this.#session.send(frame);
  }

  arrived(): Promise<void> {
    return this.#ask(this.#pings, plainFrame('ping', this.#id));
  }

  end(graceMs: number): Promise<void> {
    return this.#ask(this.#ends, numberFrame('end', this.#id, graceMs));
  }

  abandon(): void {
    if (this.#session.knows(this.#id)) this.#session.send(plainFrame('close', this.#id));
    this.#session.forget(this.#id);
    this.#letGo();
  }

  hear(frame: FromAgent): void {
    switch (frame.kind) {
      case 'started':
        return this.#started.resolve();
      case 'failed':
        return this.#started.reject(startError(frame.number, this.#argv));
      case 'stdout':
      case 'stderr':
        return this[frame.kind].deliver(frame.bytes);
      case 'stdoutEnd':
        return this.stdout.finish();
      case 'stderrEnd':
        return this.stderr.finish();
      case 'inputCredit':
        return this.stdin?.addCredit(frame.number);
      case 'inputClosed':
        this.stdin?.destroy();
        return;
      case 'exited':
        return this.#exited.resolve(frame.number);
      case 'pong':
        return this.#pings.shift()?.();
      case 'ended':
        for (const resolve of this.#ends.splice(0)) resolve();
        return;
      case 'lost':
    }
  }

  lose(error: LifeboatError): void {
    this.#started.reject(error);
    this.#exited.reject(error);
    // Before the rest lets go of them without an error: an end is never a cut.
    this.stdout.destroy(error);
    this.stderr.destroy(error);
    this.#letGo();
  }

  /** Settles with the answer, or when none will come. */
  #ask(waiting: (() => void)[], question: Buffer): Promise<void> {
    if (!this.#session.knows(this.#id)) return Promise.resolve();
    return new Promise((resolve) => {
      waiting.push(resolve);
      this.#session.send(question);
    });
  }

  #letGo(): void {
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream?.destroy();
    for (const resolve of [...this.#pings.splice(0), ...this.#ends.splice(0)]) resolve();
  }
}

function startError(errno: number, argv: Argv): LifeboatError {
  if (errno === constants.errno.ENOENT) {
    return new LifeboatError('tool-missing', `no such program: ${argv[0]}`, { hint: missingToolHint(argv[0]) });
  }
  const [code, why] = getSystemErrorMap().get(-errno) ?? [`E${errno}`, `system error ${errno}`];
  const error = Object.assign(new Error(why), { code });
  return fromSystemError(error, `cannot start ${commandText(argv)}: ${why}`);
}
