/** Carries out actions, one after the other, and remembers which of them ended: who is killed goes on where that was. */
import { LifeboatError } from '../kernel/errors.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import type { Argv, Host } from '../host/host.ts';
import type { Action, Command } from './action.ts';

/** What is known of earlier attempts at the same plan. Each call returns when it is on record for good. */
export interface Progress {
  readonly begun: ReadonlySet<string>;
  readonly ended: ReadonlySet<string>;
  begin(id: string, signal: AbortSignal): Promise<void>;
  end(id: string, signal: AbortSignal): Promise<void>;
}

export interface Execution {
  readonly host: Host;
  readonly progress: Progress;
  /**
   * The path of the device that a component is, now.
   *
   * @throws LifeboatError where there is none
   */
  readonly path: (id: string, signal: AbortSignal) => Promise<string>;
  /** What a command reads by name, such as the header of an encrypted volume. @throws LifeboatError where there is none */
  readonly given: (name: string, signal: AbortSignal) => Promise<Uint8Array>;
  /** Before the first command of each action. */
  say(action: Action): void;
}

/** @throws LifeboatError of the command that failed, saying which action it belongs to */
export async function execute(actions: readonly Action[], execution: Execution, signal: AbortSignal): Promise<void> {
  const { progress } = execution;
  for (const action of actions) {
    if (progress.ended.has(action.id)) continue;
    throwIfAborted(signal);
    execution.say(action);
    const again = progress.begun.has(action.id) ? (action.again ?? []) : [];
    await progress.begin(action.id, signal);
    for (const command of [...again, ...action.commands]) await runCommand(command, action, execution, signal);
    await progress.end(action.id, signal);
  }
}

async function runCommand(
  { argv, okCodes, stdin, timeoutMs }: Command,
  { title }: Action,
  { host, path, given }: Execution,
  signal: AbortSignal,
): Promise<void> {
  const [program, ...rest] = argv;
  const words: string[] = [];
  for (const word of rest) {
    words.push(
      typeof word === 'string' ? word : `${word.before ?? ''}${await path(word.device, signal)}${word.after ?? ''}`,
    );
  }
  const resolved: Argv = [program, ...words];
  const input = typeof stdin === 'object' ? await given(stdin.given, signal) : stdin;
  try {
    await host.run(
      resolved,
      {
        ...(okCodes === undefined ? {} : { okCodes }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...(input === undefined ? {} : { stdin: typeof input === 'string' ? Buffer.from(input) : input }),
      },
      signal,
    );
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    throw new LifeboatError(error.code, `${title}: ${error.message}`, { hint: error.hint, cause: error });
  }
}
